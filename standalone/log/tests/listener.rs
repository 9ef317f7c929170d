//! The listener against strangers and broken clients, byte by byte: nobody gets further than the login, nothing is made
//! room for that was only announced, and whatever one connection does, the next is served.

#![expect(clippy::disallowed_methods, reason = "a test owns its tasks")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use derms_log::store::{Disk, Store};
use derms_log::{Log, Login, Options};

const PATIENCE: Duration = Duration::from_secs(15);
const API_VERSIONS: i16 = 18;
const METADATA: i16 = 3;
const PRODUCE: i16 = 0;
const INIT_PRODUCER_ID: i16 = 22;

async fn listening(login: Option<Login>) -> (SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let address = "127.0.0.1:0".parse().expect("an address");
    let options = Options { login, ..Options::default() };
    let log = Log::open(address, folder.path(), options).await.expect("it opens");
    let address = log.address();
    tokio::spawn(log.serve());
    (address, folder)
}

fn login() -> Option<Login> {
    Some(Login::new("derms", "right").expect("a login"))
}

/// A request's frame.
fn frame(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut rest = key.to_be_bytes().to_vec();
    rest.extend(version.to_be_bytes());
    rest.extend(7_i32.to_be_bytes());
    rest.extend((-1_i16).to_be_bytes());
    rest.extend(body);
    let mut frame = i32::try_from(rest.len()).expect("small").to_be_bytes().to_vec();
    frame.extend(rest);
    frame
}

/// Sends bytes and gives the answer's frame; none when the connection is closed instead.
fn ask(address: SocketAddr, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    // The other side may have closed already.
    stream.write_all(bytes).ok();
    let mut size = [0; 4];
    match stream.read_exact(&mut size) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!("neither answered nor closed")
        }
        Err(_) => return None,
    }
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(size)).expect("a length")];
    stream.read_exact(&mut answer).expect("the whole answer");
    Some(answer)
}

fn is_served(address: SocketAddr) {
    let answer = ask(address, &frame(API_VERSIONS, 0, &[])).expect("an answer");
    assert_eq!(&answer[..6], &[0, 0, 0, 7, 0, 0], "its number and no error");
}

async fn on_thread(test: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(test).await.expect("the test's thread");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_only_the_login_is_answered() {
    let (address, _folder) = listening(login()).await;
    on_thread(move || {
        is_served(address);
        for key in (0..70).filter(|key| ![17, API_VERSIONS, 36].contains(key)) {
            assert_eq!(ask(address, &frame(key, 0, &[0; 40])), None, "request {key}");
        }
        is_served(address);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_exchange_is_refused_and_a_login_cannot_be_skipped() {
    let (address, _folder) = listening(login()).await;
    on_thread(move || {
        let handshake = |name: &str| {
            let mut body = i16::try_from(name.len()).expect("short").to_be_bytes().to_vec();
            body.extend(name.as_bytes());
            frame(17, 1, &body)
        };
        let token = |bytes: &[u8]| {
            let mut body = i32::try_from(bytes.len()).expect("short").to_be_bytes().to_vec();
            body.extend(bytes);
            frame(36, 0, &body)
        };
        for name in ["PLAIN", "OAUTHBEARER", "ANONYMOUS", "", "SCRAM-SHA-1"] {
            let answer = ask(address, &handshake(name)).expect("an answer");
            assert_eq!(&answer[4..6], &33_i16.to_be_bytes(), "{name} is not offered");
        }
        let answer = ask(address, &token(b"n,,n=derms,r=x")).expect("an answer");
        assert_eq!(&answer[4..6], &34_i16.to_be_bytes(), "a handshake comes first");
        for input in [&b""[..], b"n,,n=,r=", b"p=tls,,n=derms,r=x", &[0xff; 100]] {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
            stream.write_all(&handshake("SCRAM-SHA-256")).expect("sent");
            stream.write_all(&token(input)).expect("sent");
            stream.write_all(&frame(METADATA, 1, &(-1_i32).to_be_bytes())).ok();
            let mut answers = Vec::new();
            stream.read_to_end(&mut answers).ok();
            assert!(answers.len() < 400, "no metadata for {input:?}: {}", answers.len());
        }
        is_served(address);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_announce_too_much_or_cannot_be_read_end_their_connection_alone() {
    let (address, _folder) = listening(None).await;
    on_thread(move || {
        let mut hostile = vec![
            vec![0x7f, 0xff, 0xff, 0xff],
            vec![0xff, 0xff, 0xff, 0xff],
            vec![0, 0, 0, 0],
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            // More than all but records may have.
            [&(2_i32 << 20).to_be_bytes()[..], &METADATA.to_be_bytes(), &[0, 1, 0, 0, 0, 7]]
                .concat(),
            frame(METADATA, 99, &[]),
            frame(999, 0, &[]),
            // Arrays, strings and tags of more than there is.
            frame(METADATA, 1, &i32::MAX.to_be_bytes()),
            frame(METADATA, 1, &(-2_i32).to_be_bytes()),
            frame(PRODUCE, 3, &[0xff, 0xff, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff]),
            frame(METADATA, 9, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]),
            frame(API_VERSIONS, 3, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]),
            frame(API_VERSIONS, 3, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ];
        // Records that want no acknowledgement are not answered: they have cases of their own.
        for key in 1..70 {
            for byte in [0x00, 0x7f, 0x80, 0xff] {
                hostile.push(frame(key, 1, &[byte; 60]));
            }
        }
        for bytes in hostile {
            // Answered with an error or closed; the server goes on either way.
            ask(address, &bytes);
            is_served(address);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transactional_producer_is_refused_in_the_protocols_words() {
    let (address, _folder) = listening(None).await;
    on_thread(move || {
        // A name, a time-out, producer 5 of epoch 0: what ended the older log.
        let body = [&[0, 2][..], b"t", &[0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]].concat();
        let answer = ask(address, &frame(INIT_PRODUCER_ID, 3, &body)).expect("an answer");
        assert!(answer.windows(2).any(|two| two == 42_i16.to_be_bytes()), "{answer:?}");
        is_served(address);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_later_versions_is_told_which_there_are() {
    let (address, _folder) = listening(None).await;
    on_thread(move || {
        let answer = ask(address, &frame(API_VERSIONS, 77, &[])).expect("an answer");
        assert_eq!(&answer[4..6], &35_i16.to_be_bytes());
        assert!(answer.len() > 100, "with the versions");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_strangers_than_there_are_places_do_not_keep_a_client_out_for_long() {
    let (address, _folder) = listening(login()).await;
    on_thread(move || {
        let silent: Vec<_> = (0..100).map(|_| TcpStream::connect(address)).collect();
        // The places of strangers are taken: those who come are sent away until some are given back.
        assert_eq!(ask(address, &frame(API_VERSIONS, 0, &[])), None);
        drop(silent);
        let deadline = std::time::Instant::now() + PATIENCE;
        while ask(address, &frame(API_VERSIONS, 0, &[])).is_none() {
            assert!(std::time::Instant::now() < deadline, "no place is given back");
        }
    })
    .await;
}

#[test]
fn a_log_that_is_made_anew_has_another_identity() {
    let ids = [0, 1].map(|_| {
        let folder = tempfile::tempdir().expect("a folder");
        let open =
            || Store::open(folder.path(), derms_log::Limits::default(), Disk::default(), false);
        let id = open().expect("opens").contents().id;
        assert_eq!(open().expect("opens again").contents().id, id);
        id
    });
    assert_ne!(ids[0], ids[1]);
}
