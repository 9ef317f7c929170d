//! The records inside a batch: only compaction, a search by time and the takeover of older data look at them.

use std::borrow::Cow;
use std::io::{Read, Write as _};

use super::batch::{BATCH_BYTES_MAX, BadBatch, HEADER_BYTES, Header};

/// What a batch may grow to when it is unpacked.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;
const LZ4: i16 = 3;
const SNAPPY_FRAME: &[u8] = b"\x82SNAPPY\0";
const SNAPPY_FRAME_HEADER: usize = 16;

/// One record, as it stands in the batch.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// All its bytes.
    pub raw: &'a [u8],
    /// Its time, from the batch's.
    pub timestamp_delta: i64,
    /// Its offset, from the batch's.
    pub offset_delta: i32,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
}

/// The bytes of a batch's records, unpacked.
///
/// # Errors
/// [`BadBatch::Records`] when they cannot be unpacked, or become too many.
pub fn unpack<'a>(header: &Header, batch: &'a [u8]) -> Result<Cow<'a, [u8]>, BadBatch> {
    let packed = batch.get(HEADER_BYTES..header.bytes).ok_or(BadBatch::Short)?;
    let unpacked = match header.codec() {
        0 => return Ok(Cow::Borrowed(packed)),
        1 => read_all(flate2::read::GzDecoder::new(packed)),
        2 => snappy(packed),
        LZ4 => lz4::Decoder::new(packed).map_or(Err(BadBatch::Records), read_all),
        4 => zstd::stream::read::Decoder::new(packed).map_or(Err(BadBatch::Records), read_all),
        _ => Err(BadBatch::Records),
    };
    unpacked.map(Cow::Owned)
}

fn read_all(reader: impl Read) -> Result<Vec<u8>, BadBatch> {
    let mut bytes = Vec::new();
    reader.take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|_| BadBatch::Records)?;
    if bytes.len() as u64 > UNPACKED_BYTES_MAX { Err(BadBatch::Records) } else { Ok(bytes) }
}

/// Java clients frame Snappy's blocks; others send one bare block.
fn snappy(packed: &[u8]) -> Result<Vec<u8>, BadBatch> {
    let mut unpacked = Vec::new();
    let mut block = |bytes: &[u8]| {
        let grown = snap::raw::decompress_len(bytes).map_err(|_| BadBatch::Records)?;
        if (unpacked.len() + grown) as u64 > UNPACKED_BYTES_MAX {
            return Err(BadBatch::Records);
        }
        let part =
            snap::raw::Decoder::new().decompress_vec(bytes).map_err(|_| BadBatch::Records)?;
        unpacked.extend_from_slice(&part);
        Ok(())
    };
    if !packed.starts_with(SNAPPY_FRAME) {
        block(packed)?;
        return Ok(unpacked);
    }
    let mut rest = packed.get(SNAPPY_FRAME_HEADER..).ok_or(BadBatch::Records)?;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(BadBatch::Records)?;
        let length = u32::from_be_bytes(*length) as usize;
        block(after.get(..length).ok_or(BadBatch::Records)?)?;
        rest = &after[length..];
    }
    Ok(unpacked)
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], BadBatch> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(BadBatch::Records)?;
        self.0 = rest;
        Ok(taken)
    }

    fn varlong(&mut self) -> Result<i64, BadBatch> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // Zigzag: the lowest bit is the sign.
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(BadBatch::Records)
    }

    fn varint(&mut self) -> Result<i32, BadBatch> {
        i32::try_from(self.varlong()?).map_err(|_| BadBatch::Records)
    }

    fn octets(&mut self) -> Result<Option<&'a [u8]>, BadBatch> {
        match self.varint()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| BadBatch::Records)?;
                self.take(length).map(Some)
            }
        }
    }
}

/// All records of a batch, from its [unpacked](unpack) bytes.
///
/// # Errors
/// [`BadBatch::Records`] when the bytes are not as many records as the header says.
pub fn records<'a>(header: &Header, unpacked: &'a [u8]) -> Result<Vec<Record<'a>>, BadBatch> {
    let mut rest = Cursor(unpacked);
    let mut records = Vec::new();
    for _ in 0..header.records {
        let start = rest.0;
        let length = usize::try_from(rest.varint()?).map_err(|_| BadBatch::Records)?;
        let before = start.len() - rest.0.len();
        let mut body = Cursor(rest.take(length)?);
        body.take(1)?;
        let timestamp_delta = body.varlong()?;
        let offset_delta = body.varint()?;
        let (key, value) = (body.octets()?, body.octets()?);
        if !(0..=header.last_offset_delta).contains(&offset_delta) {
            return Err(BadBatch::Records);
        }
        let raw = &start[..before + length];
        records.push(Record { raw, timestamp_delta, offset_delta, key, value });
    }
    if rest.0.is_empty() { Ok(records) } else { Err(BadBatch::Records) }
}

/// A batch with only these of its records; everything else of it stays, also the offsets that it covers.
///
/// # Errors
/// [`BadBatch::Records`] when packing fails or it would become too large.
pub fn keep(header: &Header, kept: &[Record<'_>]) -> Result<Vec<u8>, BadBatch> {
    let records: Vec<u8> = kept.iter().flat_map(|record| record.raw).copied().collect();
    let mut header = *header;
    header.records = u32::try_from(kept.len()).map_err(|_| BadBatch::Records)?;
    pack(header, &records)
}

/// A batch of unpacked records, packed with LZ4 unless the header asks for no packing.
fn pack(mut header: Header, records: &[u8]) -> Result<Vec<u8>, BadBatch> {
    let mut batch = vec![0; HEADER_BYTES];
    if header.codec() == 0 {
        batch.extend_from_slice(records);
    } else {
        header.attributes = (header.attributes & !0b111) | LZ4;
        let mut encoder = lz4::EncoderBuilder::new().build(batch).map_err(|_| BadBatch::Records)?;
        encoder.write_all(records).map_err(|_| BadBatch::Records)?;
        let (packed, done) = encoder.finish();
        done.map_err(|_| BadBatch::Records)?;
        batch = packed;
    }
    if batch.len() > BATCH_BYTES_MAX {
        return Err(BadBatch::Records);
    }
    header.bytes = batch.len();
    header.seal(&mut batch);
    Ok(batch)
}

/// Makes a batch of records that stood elsewhere, with the offsets and times they had.
#[derive(Debug)]
pub struct Builder {
    base_offset: i64,
    last_offset: i64,
    base_timestamp: i64,
    max_timestamp: i64,
    count: u32,
    records: Vec<u8>,
}

impl Builder {
    /// An empty batch that begins at this offset and time.
    #[must_use]
    pub fn new(base_offset: i64, base_timestamp: i64) -> Self {
        Self {
            base_offset,
            last_offset: base_offset,
            base_timestamp,
            max_timestamp: base_timestamp,
            count: 0,
            records: Vec::new(),
        }
    }

    /// Adds a record; its offset must be above those before it.
    pub fn push(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(Vec<u8>, Option<Vec<u8>>)],
    ) {
        let mut body = vec![0];
        put_varlong(&mut body, timestamp - self.base_timestamp);
        put_varlong(&mut body, offset - self.base_offset);
        put_octets(&mut body, key);
        put_octets(&mut body, value);
        put_varlong(&mut body, headers.len() as i64);
        for (name, value) in headers {
            put_octets(&mut body, Some(name));
            put_octets(&mut body, value.as_deref());
        }
        put_varlong(&mut self.records, body.len() as i64);
        self.records.extend_from_slice(&body);
        self.last_offset = offset;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.count += 1;
    }

    /// Bytes of its records so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.records.len()
    }

    /// The batch, packed where `packed`.
    ///
    /// # Errors
    /// [`BadBatch::Records`] when it would become too large.
    pub fn build(self, packed: bool) -> Result<Vec<u8>, BadBatch> {
        let delta = i32::try_from(self.last_offset - self.base_offset);
        let header = Header {
            base_offset: self.base_offset,
            bytes: 0,
            crc: 0,
            attributes: if packed { LZ4 } else { 0 },
            last_offset_delta: delta.map_err(|_| BadBatch::Records)?,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            records: self.count,
        };
        pack(header, &self.records)
    }
}

fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn put_octets(out: &mut Vec<u8>, octets: Option<&[u8]>) {
    put_varlong(out, octets.map_or(-1, |bytes| bytes.len() as i64));
    out.extend_from_slice(octets.unwrap_or_default());
}
