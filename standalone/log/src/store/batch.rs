//! The header of a record batch (magic 2 of the Kafka protocol): what a segment needs to know of a batch without
//! looking into it. It does not know records; see [`super::record`].

use thiserror::Error;

/// Bytes before the records.
pub const HEADER_BYTES: usize = 61;
/// The largest batch that is taken or believed.
pub const BATCH_BYTES_MAX: usize = 8 << 20;
/// Offset and length stand before what the length counts.
const PREFIX_BYTES: usize = 12;
/// The checksum covers everything from the attributes on.
const CHECKED_FROM: usize = 21;
const MAGIC: u8 = 2;
const CODEC_BITS: i16 = 0b111;
const TRANSACTIONAL_OR_CONTROL: i16 = 0b11_0000;

/// Why some bytes are not a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadBatch {
    /// There are fewer bytes than the batch says.
    #[error("it ends in the middle of a batch")]
    Short,
    /// Its length or its numbers cannot be true.
    #[error("a batch's header cannot be true")]
    Header,
    /// It is of an older format.
    #[error("a batch has an unknown format")]
    Magic,
    /// Its bytes were changed.
    #[error("a batch's checksum does not fit")]
    Checksum,
    /// Its records cannot be read.
    #[error("a batch's records cannot be read")]
    Records,
}

/// A batch's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Offset of its first record.
    pub base_offset: i64,
    /// Bytes of the whole batch.
    pub bytes: usize,
    /// Checksum as stored.
    pub crc: u32,
    /// Codec and flags.
    pub attributes: i16,
    /// Offset of its last record, from the first.
    pub last_offset_delta: i32,
    /// Time of its first record, ms.
    pub base_timestamp: i64,
    /// Latest time of its records, ms.
    pub max_timestamp: i64,
    /// The idempotent producer, or -1.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Sequence of its first record, or -1.
    pub base_sequence: i32,
    /// Records that are in it.
    pub records: u32,
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    let mut buffer = [0; 8];
    buffer.copy_from_slice(&bytes[at..at + 8]);
    i64::from_be_bytes(buffer)
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    let mut buffer = [0; 4];
    buffer.copy_from_slice(&bytes[at..at + 4]);
    i32::from_be_bytes(buffer)
}

fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_be_bytes([bytes[at], bytes[at + 1]])
}

impl Header {
    /// Reads the header at the beginning of `bytes`; the batch itself may be longer than these.
    ///
    /// # Errors
    /// [`BadBatch`] when there are too few bytes for a header, or it cannot be one.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadBatch> {
        if bytes.len() < HEADER_BYTES {
            return Err(BadBatch::Short);
        }
        let length = usize::try_from(i32_at(bytes, 8)).map_err(|_| BadBatch::Header)?;
        let whole = length + PREFIX_BYTES;
        if !(HEADER_BYTES..=BATCH_BYTES_MAX).contains(&whole) {
            return Err(BadBatch::Header);
        }
        if bytes[16] != MAGIC {
            return Err(BadBatch::Magic);
        }
        let header = Self {
            base_offset: i64_at(bytes, 0),
            bytes: whole,
            crc: u32::from_be_bytes([bytes[17], bytes[18], bytes[19], bytes[20]]),
            attributes: i16_at(bytes, 21),
            last_offset_delta: i32_at(bytes, 23),
            base_timestamp: i64_at(bytes, 27),
            max_timestamp: i64_at(bytes, 35),
            producer_id: i64_at(bytes, 43),
            producer_epoch: i16_at(bytes, 51),
            base_sequence: i32_at(bytes, 53),
            records: u32::from_be_bytes([bytes[57], bytes[58], bytes[59], bytes[60]]),
        };
        if header.last_offset_delta < 0
            || header.base_offset < 0
            || header.base_offset.checked_add(i64::from(header.last_offset_delta) + 1).is_none()
        {
            return Err(BadBatch::Header);
        }
        Ok(header)
    }

    /// Offset after its last record.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta) + 1
    }

    /// Number of its codec; 0 is none.
    #[must_use]
    pub fn codec(&self) -> i16 {
        self.attributes & CODEC_BITS
    }

    /// Whether an idempotent producer sent it.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.producer_id >= 0 && self.base_sequence >= 0
    }

    /// Writes it over the first bytes of `bytes` and sets the checksum.
    pub fn seal(&self, bytes: &mut [u8]) {
        let length =
            i32::try_from(self.bytes - PREFIX_BYTES).expect("bounded by the largest batch");
        bytes[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[12..16].copy_from_slice(&0_i32.to_be_bytes());
        bytes[16] = MAGIC;
        bytes[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..61].copy_from_slice(&self.records.to_be_bytes());
        let crc = checksum(&bytes[CHECKED_FROM..self.bytes]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    }
}

/// The checksum of the protocol, and of this log's own files.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes);
    u32::try_from(sum).expect("a checksum of 32 bits")
}

/// The batch at the beginning of `bytes`, whole and unchanged.
///
/// # Errors
/// [`BadBatch`].
pub fn check(bytes: &[u8]) -> Result<Header, BadBatch> {
    let header = Header::parse(bytes)?;
    let batch = bytes.get(..header.bytes).ok_or(BadBatch::Short)?;
    if checksum(&batch[CHECKED_FROM..]) != header.crc {
        return Err(BadBatch::Checksum);
    }
    Ok(header)
}

/// A batch as a producer may send it: whole, unchanged, alone, its records numbered without gaps.
///
/// # Errors
/// [`BadBatch`].
pub fn check_produced(bytes: &[u8]) -> Result<Header, BadBatch> {
    let header = check(bytes)?;
    let count = i64::from(header.last_offset_delta) + 1;
    if header.bytes != bytes.len()
        || i64::from(header.records) != count
        || header.attributes & TRANSACTIONAL_OR_CONTROL != 0
        || header.codec() > 4
    {
        return Err(BadBatch::Header);
    }
    Ok(header)
}

/// Gives a batch its place. The checksum does not cover this.
pub fn set_base_offset(batch: &mut [u8], offset: i64) {
    batch[0..8].copy_from_slice(&offset.to_be_bytes());
    batch[12..16].copy_from_slice(&0_i32.to_be_bytes());
}
