//! Resource ids: what Cosmos DB calls things by itself, beside the names that users give them.
//!
//! A database's id is 4 bytes, a container's 8, an item's 16, each beginning with that of what it lies in; base64 with
//! `-` for `/`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::arm::types::key;

/// Tells a container from a user, both of which lie in databases.
const CONTAINER: u8 = 0x80;
/// The highest bits of an item's number say what kind of thing it is: 0 for items.
const NUMBERS: u64 = (1 << 60) - 1;

/// Draws what a database or container is known by.
pub(crate) fn mint() -> String {
    key(12)
}

/// The id of a database, by what was drawn for it.
pub(crate) fn database(minted: &str) -> String {
    encode(&part(minted))
}

/// The id of a container, by what was drawn for its database and for it.
pub(crate) fn container(database: &str, minted: &str) -> String {
    let mut own = part(minted);
    own[0] |= CONTAINER;
    encode(&[part(database), own].concat())
}

/// The id of the item of that number in a container.
pub(super) fn item(container: &str, number: u64) -> String {
    let mut bytes = STANDARD.decode(container.replace('-', "/")).unwrap_or_default();
    bytes.extend((number & NUMBERS).to_le_bytes());
    encode(&bytes)
}

/// A name for a container's file.
pub(crate) fn file(minted: &str) -> String {
    let bytes = STANDARD.decode(minted).unwrap_or_default();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn part(minted: &str) -> [u8; 4] {
    let bytes = STANDARD.decode(minted).unwrap_or_default();
    let mut part = [0; 4];
    for (place, byte) in part.iter_mut().zip(bytes) {
        *place = byte;
    }
    part
}

fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).replace('/', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_nest() {
        let bytes = |rid: &str| STANDARD.decode(rid.replace('-', "/")).expect("base64");
        let (outer, inner) = (mint(), mint());
        let database = bytes(&database(&outer));
        let whole = container(&outer, &inner);
        let inside = bytes(&item(&whole, 258));
        assert_eq!((database.len(), bytes(&whole).len(), inside.len()), (4, 8, 16));
        assert!(bytes(&whole).starts_with(&database) && inside.starts_with(&bytes(&whole)));
        assert!(bytes(&whole)[4] >= CONTAINER);
        assert_eq!(inside[8..], [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(file(&inner).len(), 24);
        assert!(!database.is_empty() && !whole.contains('/'));
    }
}
