//! A TCP proxy on loopback whose connections can be cut.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Context;

use crate::port::free_port;

const CHUNK: usize = 64 * 1024;

#[derive(Debug, Default)]
struct State {
    closed: AtomicBool,
    ended: AtomicBool,
    number: AtomicU64,
    open: Mutex<Vec<(u64, TcpStream, TcpStream)>>,
}

/// A proxy; it lives as long as the process.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

impl Proxy {
    /// Lets connections to a free port through to `upstream`.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(upstream: u16) -> anyhow::Result<Self> {
        Self::start_on(free_port()?, upstream)
    }

    /// The same on a port that was chosen before.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start_on(port: u16, upstream: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).context("binding a proxy")?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || accept(&listener, upstream, &shared))
            .context("a proxy's thread")?;
        Ok(Self { port, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection, and lets none through until [`Proxy::mend`].
    pub fn cut(&self) {
        self.state.closed.store(true, Ordering::SeqCst);
        self.state.drop_all();
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.closed.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        self.state.drop_all();
        // The listener wakes up, and ends.
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
    }
}

impl State {
    fn drop_all(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, near, far) in open.drain(..) {
            // Either may be closed already.
            near.shutdown(Shutdown::Both).ok();
            far.shutdown(Shutdown::Both).ok();
        }
    }

    fn forget(&self, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(known, _, _)| *known != number);
    }
}

fn accept(listener: &TcpListener, upstream: u16, state: &Arc<State>) {
    for near in listener.incoming().map_while(Result::ok) {
        if state.ended.load(Ordering::SeqCst) {
            return;
        }
        if !state.closed.load(Ordering::SeqCst) {
            connect(near, upstream, state);
        }
    }
}

fn connect(near: TcpStream, upstream: u16, state: &Arc<State>) {
    let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)) else { return };
    let number = state.number.fetch_add(1, Ordering::SeqCst);
    let copies = || Some((near.try_clone().ok()?, far.try_clone().ok()?));
    let (Some(kept), Some(there), Some(back)) = (copies(), copies(), copies()) else { return };
    near.set_nodelay(true).ok();
    far.set_nodelay(true).ok();
    state.open.lock().unwrap_or_else(PoisonError::into_inner).push((number, kept.0, kept.1));
    // Cut between the look at `closed` and here.
    if state.closed.load(Ordering::SeqCst) {
        state.drop_all();
    }
    pump(there.0, there.1, number, state);
    pump(back.1, back.0, number, state);
}

fn pump(mut from: TcpStream, mut to: TcpStream, number: u64, state: &Arc<State>) {
    let state = Arc::clone(state);
    let copied = thread::Builder::new().name("proxy pump".to_owned()).spawn(move || {
        let mut chunk = vec![0; CHUNK];
        while let Ok(length) = from.read(&mut chunk) {
            if length == 0 || to.write_all(&chunk[..length]).is_err() {
                break;
            }
        }
        from.shutdown(Shutdown::Both).ok();
        to.shutdown(Shutdown::Both).ok();
        state.forget(number);
    });
    drop(copied);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn a_cut_ends_connections_and_lets_none_through_until_it_is_mended() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let upstream = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut from = stream.try_clone().unwrap();
                let mut to = stream;
                thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        });
        let proxy = Proxy::start(upstream).unwrap();
        let echo = || -> std::io::Result<u8> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port()))?;
            stream.write_all(&[7])?;
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            Ok(byte[0])
        };
        assert_eq!(echo().unwrap(), 7);
        let mut standing = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
        standing.write_all(&[1]).unwrap();
        standing.read_exact(&mut [0]).unwrap();
        proxy.cut();
        assert_eq!(standing.read(&mut [0]).unwrap_or(0), 0, "it has ended");
        let refused = echo().unwrap_err().kind();
        assert!(matches!(refused, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset));
        proxy.mend();
        assert_eq!(echo().unwrap(), 7);
    }
}
