//! What a process and all that it has started listen on, as the system sees it (`proc(5)`, `/proc/net/tcp`).

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

/// The state of a socket that listens, in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The processes of a session, by the id of its leader.
#[must_use]
pub fn session(leader: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("the system has /proc").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|pid| session_of(*pid) == Some(leader)).collect()
}

/// Every address on which one of the processes listens with TCP.
///
/// # Panics
/// When the system does not tell.
#[must_use]
pub fn listening(processes: &[u32]) -> BTreeSet<SocketAddr> {
    let theirs: BTreeSet<u64> = processes.iter().flat_map(|pid| sockets(*pid)).collect();
    let of = |table: &str| fs::read_to_string(table).expect("the system tells its sockets");
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(of);
    let listeners = tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(listener);
    listeners.filter(|(inode, _)| theirs.contains(inode)).map(|(_, address)| address).collect()
}

/// The sixth field; the second one, the name in parentheses, may hold anything.
fn session_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(3)?.parse().ok()
}

/// The inodes of a process's sockets; none of one that has ended.
fn sockets(pid: u32) -> Vec<u64> {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    files.flatten().filter_map(|file| socket(&fs::read_link(file.path()).ok()?)).collect()
}

fn socket(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Inode and address of a row, if its socket listens.
fn listener(row: &str) -> Option<(u64, SocketAddr)> {
    let fields: Vec<&str> = row.split_whitespace().collect();
    let (address, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    if *state != LISTEN {
        return None;
    }
    Some((inode.parse().ok()?, address_of(address)?))
}

/// `0100007F:1F90`: words of 32 bits in the machine's own byte order.
fn address_of(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let words = (0..address.len() / 8).map(|n| u32::from_str_radix(&address[8 * n..8 * n + 8], 16));
    let bytes: Vec<u8> = words.collect::<Result<Vec<_>, _>>().ok()?.into_iter().flat_map(u32::to_ne_bytes).collect();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => IpAddr::V4(Ipv4Addr::from(four)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?)),
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn our_own_listeners_are_seen_on_every_kind_of_address() {
        let own = [std::process::id()];
        let listeners: Vec<TcpListener> = ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"]
            .iter()
            .filter_map(|address| TcpListener::bind(address).ok())
            .collect();
        assert!(listeners.len() >= 2);
        let seen = listening(&own);
        for listener in &listeners {
            assert!(seen.contains(&listener.local_addr().unwrap()), "{listener:?} of {seen:?}");
        }
        assert!(session(session_of(own[0]).unwrap()).contains(&own[0]));
    }
}
