//! Where lines end up. A line that cannot be written is counted, and said as soon as there is room again: who logs is
//! never held up by it.

use std::io::{self, Write as _};

use super::Destination;
use super::rotating::RotatingFile;

/// A longer line is cut.
const LINE_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug)]
enum Sink {
    Stderr,
    File(RotatingFile),
}

/// Takes lines.
#[derive(Debug)]
pub(super) struct Output {
    sink: Sink,
    lost: u64,
}

impl Output {
    /// Opens it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(super) fn open(destination: &Destination) -> anyhow::Result<Self> {
        let sink = match destination {
            Destination::Stderr => Sink::Stderr,
            Destination::File(path) => Sink::File(RotatingFile::open(path)?),
        };
        Ok(Self { sink, lost: 0 })
    }

    /// Writes a line with its end.
    pub(super) fn write(&mut self, line: &[u8]) {
        if self.lost > 0
            && self
                .put(note(&format!("{} lines could not be written", self.lost)).as_bytes())
                .is_ok()
        {
            self.lost = 0;
        }
        let written = if line.len() <= LINE_BYTES_MAX {
            self.put(line)
        } else {
            self.put(&[&line[..LINE_BYTES_MAX], b" ...\n"].concat())
        };
        if written.is_err() {
            self.lost += 1;
        }
    }

    /// Says something about the log itself.
    pub(super) fn note(&mut self, words: &str) {
        self.write(note(words).as_bytes());
    }

    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stderr => io::stderr().write_all(line),
            Sink::File(file) => file.write(line),
        }
    }
}

/// A line about the log itself; `words` need no escaping.
fn note(words: &str) -> String {
    format!("{{\"level\":\"WARN\",\"message\":\"{words}\",\"target\":\"service_kit::logging\"}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_finds_no_room_is_counted_and_said_when_there_is_room_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let mut output = Output::open(&Destination::File(path.clone())).expect("a file");
        let Sink::File(file) = &mut output.sink else { panic!("a file") };
        file.fail(true);
        for _ in 0..3 {
            output.write(b"lost\n");
        }
        let Sink::File(file) = &mut output.sink else { panic!("a file") };
        file.fail(false);
        output.write(b"kept\n");
        let text = std::fs::read_to_string(&path).expect("written");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains("3 lines could not be written") && lines[1] == "kept", "{text}");
    }

    #[test]
    fn an_endless_line_is_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let mut output = Output::open(&Destination::File(path.clone())).expect("a file");
        output.write(&vec![b'x'; 10 * LINE_BYTES_MAX]);
        let text = std::fs::read_to_string(&path).expect("written");
        assert!(text.len() < LINE_BYTES_MAX + 10 && text.ends_with(" ...\n"));
    }
}
