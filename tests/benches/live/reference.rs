//! What HTTP alone costs here: a server that reads the same requests and answers at once.
//!
//! It is this same program, started again with [`FLAG`], so that it is a process of its own as the pusher is.

use std::{
    io::{self, BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
};

use axum::{Router, body::Bytes, routing::post};

pub(crate) const FLAG: &str = "--reference-server";

/// The running server; it is killed when this is dropped.
pub(crate) struct Reference {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Reference {
    pub(crate) fn start() -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(FLAG).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut port)?;
        let port = port.trim().parse().map_err(io::Error::other)?;
        Ok(Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until it is killed; the port is its only output.
pub(crate) fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?.port());
        axum::serve(listener, Router::new().route("/api/adt-pusher", post(answer))).await
    })
}

async fn answer(_: Bytes) -> &'static str {
    r#"{"code":"updated","updated":1}"#
}
