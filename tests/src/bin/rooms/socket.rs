//! The readers' end of a WebSocket: as little of one as it takes to read what a server says.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Read at once, at most.
const PIECE: usize = 8 * 1024;

/// A socket that stands.
pub struct Socket {
    reading: OwnedReadHalf,
    writing: OwnedWriteHalf,
    /// What was read, and up to where it was taken.
    read: Vec<u8>,
    at: usize,
}

impl Socket {
    /// Asks for a socket at a path, and has it.
    pub async fn open(stream: TcpStream, path: &str) -> Self {
        stream.set_nodelay(true).expect("TCP");
        let host = stream.peer_addr().expect("it is connected");
        let (reading, writing) = stream.into_split();
        let mut socket = Self { reading, writing, read: Vec::new(), at: 0 };
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.writing.write_all(request.as_bytes()).await.expect("it takes requests");
        loop {
            if let Some(end) = socket.read.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&socket.read[..end]).into_owned();
                assert!(head.starts_with("HTTP/1.1 101"), "{head}");
                socket.at = end + 4;
                return socket;
            }
            assert!(socket.more().await, "it hung up");
        }
    }

    /// The next text, or nothing at the end. Pings are answered.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let bytes = &self.read[self.at..];
            let (head, length) = match bytes {
                [_, short @ 0..=125, ..] => (2, Some(usize::from(*short))),
                [_, 126, high, low, ..] => (4, Some(usize::from(u16::from_be_bytes([*high, *low])))),
                [_, 127, ..] => panic!("no frame is as long"),
                _ => (2, None),
            };
            let Some(length) = length.filter(|length| bytes.len() >= head + length) else {
                if !self.more().await {
                    return None;
                }
                continue;
            };
            let (kind, body) = (bytes[0], bytes[head..head + length].to_vec());
            self.at += head + length;
            match kind & 0x0f {
                1 => return Some(body),
                8 => return None,
                9 => self.frame(10, &body).await,
                _ => {}
            }
        }
    }

    /// Says a text.
    pub async fn say(&mut self, text: &str) {
        self.frame(1, text.as_bytes()).await;
    }

    async fn more(&mut self) -> bool {
        self.read.drain(..self.at);
        self.at = 0;
        self.read.reserve(PIECE);
        self.reading.read_buf(&mut self.read).await.is_ok_and(|read| read > 0)
    }

    /// Clients mask what they say; a mask of nothing is one.
    async fn frame(&mut self, kind: u8, body: &[u8]) {
        let length = u16::try_from(body.len()).expect("short");
        let mut bytes = vec![0x80 | kind];
        if length < 126 {
            bytes.push(0x80 | length as u8);
        } else {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
        bytes.extend([0; 4]);
        bytes.extend(body);
        // Whoever is gone is noticed by reading.
        drop(self.writing.write_all(&bytes).await);
    }
}
