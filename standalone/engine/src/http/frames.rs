//! Owns ClickHouse's own framing of compressed bodies, which clients ask for by `compress` and `decompress`: pieces with
//! a checksum and both lengths, in LZ4, ZSTD or as they are. It must not look at what the bytes mean.

use std::io::{self, Read};

use bytes::Bytes;
use cityhash_rs::cityhash_102_128;

use super::auth::Role;
use super::body::RequestBody;

const CHECKSUM_BYTES: usize = 16;
/// The method, and both lengths.
const HEAD_BYTES: usize = 9;
const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;
const AS_IT_IS: u8 = 0x02;
/// What is put into one frame of an answer.
const PIECE_BYTES: usize = 1 << 20;
/// Longest frame that is taken, before and after decompression. Clients make one of a block that they send; who only
/// reads has nothing to send but statements.
const BLOCK_BYTES_MAX: usize = 32 << 20;
const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// An answer's bytes, or an error's, as the client wants them.
pub(super) fn packed(data: Bytes, in_frames: bool) -> Bytes {
    if in_frames { framed(&data) } else { data }
}

/// Bytes in frames. Nothing is no frame.
fn framed(data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(data.len() / 2);
    for piece in data.chunks(PIECE_BYTES) {
        let (method, packed) = match lz4::block::compress(piece, None, false) {
            Ok(packed) => (LZ4, packed),
            Err(_) => (AS_IT_IS, piece.to_vec()),
        };
        let mut frame = vec![method];
        for len in [HEAD_BYTES + packed.len(), piece.len()] {
            frame.extend_from_slice(&(len as u32).to_le_bytes());
        }
        frame.extend_from_slice(&packed);
        out.extend_from_slice(&checksum(&frame));
        out.extend_from_slice(&frame);
    }
    out.into()
}

/// The bytes of a body that comes in frames.
pub(super) fn unframed(body: RequestBody, role: Role) -> RequestBody {
    let most = match role {
        Role::Writer => BLOCK_BYTES_MAX,
        Role::Analyst => STATEMENT_BYTES_MAX,
    };
    Box::new(Unframed { body, most, piece: Vec::new(), at: 0 })
}

/// ClickHouse writes the higher half first.
fn checksum(frame: &[u8]) -> [u8; CHECKSUM_BYTES] {
    cityhash_102_128(frame).rotate_right(64).to_le_bytes()
}

struct Unframed<R> {
    body: R,
    most: usize,
    piece: Vec<u8>,
    at: usize,
}

impl<R: Read> Unframed<R> {
    /// The next frame's bytes; `None` at the end of the body.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut head = Vec::new();
        let whole = CHECKSUM_BYTES + HEAD_BYTES;
        (&mut self.body).take(whole as u64).read_to_end(&mut head)?;
        if head.is_empty() {
            return Ok(None);
        }
        let [method, lens @ ..] = head.get(CHECKSUM_BYTES..whole).ok_or_else(short)? else {
            return Err(short());
        };
        let method = *method;
        let len =
            |at: usize| lens[at..].iter().take(4).rev().fold(0, |n, b| n << 8 | usize::from(*b));
        let (packed, unpacked) = (len(0), len(4));
        if packed.max(unpacked) > self.most || packed < HEAD_BYTES {
            return Err(io::Error::other(format!("a frame of more than {} bytes", self.most)));
        }
        let mut frame = head.split_off(CHECKSUM_BYTES);
        (&mut self.body).take((packed - HEAD_BYTES) as u64).read_to_end(&mut frame)?;
        if frame.len() < packed {
            return Err(short());
        }
        if head != checksum(&frame) {
            return Err(io::Error::other("a frame's checksum does not match"));
        }
        let packed = &frame[HEAD_BYTES..];
        let piece = match method {
            LZ4 => lz4::block::decompress(packed, Some(unpacked as i32))?,
            ZSTD => zstd::bulk::decompress(packed, unpacked)?,
            AS_IT_IS => packed.to_vec(),
            other => return Err(io::Error::other(format!("a frame of the method {other:#x}"))),
        };
        if piece.len() == unpacked { Ok(Some(piece)) } else { Err(short()) }
    }
}

fn short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a frame breaks off")
}

impl<R: Read> Read for Unframed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // A frame may be of no bytes.
        while self.at == self.piece.len() {
            let Some(piece) = self.next()? else { return Ok(0) };
            (self.piece, self.at) = (piece, 0);
        }
        let len = (self.piece.len() - self.at).min(out.len());
        out[..len].copy_from_slice(&self.piece[self.at..self.at + len]);
        self.at += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(frames: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        unframed(Box::new(io::Cursor::new(frames.to_vec())), Role::Writer).read_to_end(&mut out)?;
        Ok(out)
    }

    /// Frames as the official client for Go makes them: in LZ4, in ZSTD, as it is.
    const OF_A_CLIENT: [&str; 3] = [
        "08f0793acfb1087ddacf389a022f7d108210000000060000006068656c6c6f0a",
        "74bf50b3a7e49ec30dee0f3d9c6c1f1f901c0000000600000028b52ffd040031000068656c6c6f0a5388bd91",
        "3336b27ff7bab8c1c8560fbf470a1a57020f0000000600000068656c6c6f0a",
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
        pairs.collect::<Result<_, _>>().expect("hexadecimal")
    }

    #[test]
    fn frames_are_as_clients_make_and_take_them() {
        assert_eq!(framed(b"hello\n"), bytes(OF_A_CLIENT[0]));
        for frame in OF_A_CLIENT {
            assert_eq!(read(&bytes(frame)).expect("a frame"), b"hello\n");
        }
        assert_eq!(read(&OF_A_CLIENT.map(bytes).concat()).expect("frames"), b"hello\n".repeat(3));
    }

    #[test]
    fn what_is_broken_is_refused() {
        let frames = framed(b"hello hello hello hello\n");
        for cut in 1..frames.len() {
            assert!(read(&frames[..cut]).is_err(), "{cut}");
        }
        for at in 0..frames.len() {
            let mut other = frames.to_vec();
            other[at] ^= 0x40;
            assert!(read(&other).is_err(), "{at}");
        }
    }

    #[test]
    fn a_frame_is_no_longer_than_its_sender_may_need() {
        for (role, most) in [(Role::Writer, BLOCK_BYTES_MAX), (Role::Analyst, STATEMENT_BYTES_MAX)]
        {
            let said = u32::try_from(most + 1).expect("four bytes").to_le_bytes();
            let head = [&[0; CHECKSUM_BYTES][..], &[LZ4], &[10, 0, 0, 0], &said, &[0]].concat();
            let mut body = unframed(Box::new(io::Cursor::new(head)), role);
            let error = body.read_to_end(&mut Vec::new()).expect_err("too long");
            assert_eq!(error.to_string(), format!("a frame of more than {most} bytes"));
        }
    }

    proptest! {
        #[test]
        fn what_goes_into_frames_comes_out(data in prop::collection::vec(any::<u8>(), 0..3000), times in 0_usize..900) {
            let data = data.repeat(times);
            prop_assert_eq!(read(&framed(&data)).expect("frames"), data);
        }
    }
}
