//! The login at the log, as a client passes it: SCRAM by the library.

use anyhow::Context as _;
use rsasl::config::SASLConfig;
use rsasl::prelude::{Mechname, SASLClient, State};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::kafka::receive;

const MECHANISM: &[u8] = b"SCRAM-SHA-256";
const HANDSHAKE: i16 = 17;
const AUTHENTICATE: i16 = 36;
/// The answer's number, then an error, then a text.
const TEXT_AT: usize = 6;

/// Logs in.
///
/// # Errors
/// When the log does not let this user in.
pub(super) async fn log_in(
    stream: &mut TcpStream,
    user: &str,
    password: &str,
) -> anyhow::Result<()> {
    let mechanism = i16::try_from(MECHANISM.len())?.to_be_bytes();
    let answer = ask(stream, HANDSHAKE, 1, &[&mechanism[..], MECHANISM].concat()).await?;
    anyhow::ensure!(answer.get(4..TEXT_AT) == Some(&[0, 0]), "SCRAM is not offered");
    let config = SASLConfig::with_credentials(None, user.to_owned(), password.to_owned())?;
    let offered = Mechname::parse(MECHANISM).context("a mechanism's name")?;
    let mut session = SASLClient::new(config).start_suggested(&[offered])?;
    let mut input = None;
    loop {
        let mut token = Vec::new();
        let state = session.step(input.as_deref(), &mut token)?;
        if let State::Finished(_) = state
            && token.is_empty()
        {
            return Ok(());
        }
        let length = i32::try_from(token.len())?.to_be_bytes();
        let answer = ask(stream, AUTHENTICATE, 0, &[&length[..], &token].concat()).await?;
        anyhow::ensure!(answer.get(4..TEXT_AT) == Some(&[0, 0]), "the login is refused");
        input = Some(bytes_of(&answer).context("the login's answer")?.to_vec());
    }
}

/// What stands behind a text that may be missing.
fn bytes_of(answer: &[u8]) -> Option<&[u8]> {
    let (length, rest) = answer.get(TEXT_AT..)?.split_first_chunk::<2>()?;
    let text = usize::try_from(i16::from_be_bytes(*length)).unwrap_or(0);
    let (length, rest) = rest.get(text..)?.split_first_chunk::<4>()?;
    rest.get(..usize::try_from(i32::from_be_bytes(*length)).ok()?)
}

async fn ask(
    stream: &mut TcpStream,
    key: i16,
    version: i16,
    body: &[u8],
) -> anyhow::Result<Vec<u8>> {
    let head = [&key.to_be_bytes()[..], &version.to_be_bytes(), &[0, 0, 0, 5, 0xff, 0xff]].concat();
    let length = i32::try_from(head.len() + body.len())?.to_be_bytes();
    stream.write_all(&[&length[..], &head, body].concat()).await?;
    receive(stream).await
}
