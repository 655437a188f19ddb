//! Packets on a stream.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::Error;
use rumqttc::mqttbytes::v4::Packet;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::super::message::LARGEST;
use super::End;

/// The largest packet that is read, in bytes: the largest message, and a topic as long as topics can be.
const LARGEST_PACKET: usize = LARGEST + 66_000;
/// How long a device that does not read is waited for.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// A connection as packets.
pub(super) struct Wire<S> {
    stream: S,
    input: BytesMut,
    output: BytesMut,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, input: BytesMut::with_capacity(4096), output: BytesMut::new() }
    }

    /// The next packet, if all of it has come in.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, End> {
        match Packet::read(&mut self.input, LARGEST_PACKET) {
            Ok(packet) => Ok(Some(packet)),
            Err(Error::InsufficientBytes(_)) => Ok(None),
            Err(Error::PayloadSizeLimitExceeded(_)) => Err(End::TooLarge),
            Err(error) => Err(End::Malformed(error)),
        }
    }

    /// Puts a packet up for sending.
    pub(super) fn put(&mut self, packet: &Packet) {
        packet.write(&mut self.output, usize::MAX).expect("answers are complete and small");
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Waits for bytes. Dropping the future loses none.
    pub(super) async fn fill(&mut self) -> Result<(), End> {
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(End::Lost(io::ErrorKind::UnexpectedEof.into())),
            _ => Ok(()),
        }
    }

    /// Sends what was put up.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        let sending = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        let sent = tokio::time::timeout(WRITE_DEADLINE, sending).await;
        self.output.clear();
        Ok(sent.map_err(io::Error::from)??)
    }

    /// Ends the connection; a device that is gone already is none of our business.
    pub(super) async fn close(mut self) {
        let _ = tokio::time::timeout(WRITE_DEADLINE, self.stream.shutdown()).await;
    }
}
