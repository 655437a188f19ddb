//! The lines of an import's input, one at a time.

use std::io::{self, BufRead, BufReader, Read};

/// Bytes of the longest line that is looked at: a model's.
pub(super) const LINE_BYTES: usize = crate::adt::limits::MODEL_BYTES;

/// A line of the input.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    /// Its bytes, without white space around them; never empty.
    Text(&'a [u8]),
    /// It has more than [`LINE_BYTES`].
    TooLong,
}

/// An input being read. Empty lines are passed over, and so is a byte order mark.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// Bytes read so far, whole lines only.
    pub(super) bytes: u64,
    /// Lines read so far.
    pub(super) number: u64,
}

impl<R: Read> Lines<R> {
    /// Reads on where so many bytes and lines have been read.
    pub(super) fn new(reader: R, bytes: u64, number: u64) -> Self {
        Self { reader: BufReader::with_capacity(1 << 18, reader), line: Vec::new(), bytes, number }
    }

    /// The next line that is not empty; nothing at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.line.clear();
            let most = LINE_BYTES as u64 + 2;
            let read = (&mut self.reader).take(most).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.bytes += read as u64;
            if read as u64 == most && !self.line.ends_with(b"\n") {
                self.skip()?;
                return Ok(Some(Line::TooLong));
            }
            let from = if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
            if !self.line[from..].trim_ascii().is_empty() {
                return Ok(Some(Line::Text(self.line[from..].trim_ascii())));
            }
        }
    }

    /// Passes over the rest of a line.
    fn skip(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(used);
            self.bytes += used as u64;
            if end.is_some() || used == 0 {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart_whatever_is_around_them() {
        let long = [b"x".repeat(LINE_BYTES + 3), b"\nafter".to_vec()].concat();
        let text = [b"\xef\xbb\xbf one \r\n\n  \ntwo\n".as_slice(), &long].concat();
        let mut lines = Lines::new(text.as_slice(), 0, 0);
        assert_eq!(lines.next().unwrap(), Some(Line::Text(b"one")));
        assert_eq!(lines.next().unwrap(), Some(Line::Text(b"two")));
        assert_eq!((lines.number, lines.bytes), (4, 18));
        assert_eq!(lines.next().unwrap(), Some(Line::TooLong));
        assert_eq!(lines.next().unwrap(), Some(Line::Text(b"after")));
        assert_eq!(lines.next().unwrap(), None);
        assert_eq!((lines.number, lines.bytes), (6, text.len() as u64));
    }
}
