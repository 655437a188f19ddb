//! The Merkle tree over a stream's records, as certificate transparency defines it (RFC 6962, section 2.1; the
//! verification of proofs is that of RFC 9162, section 2.1.3.2 and 2.1.4.2).
//!
//! | term | meaning |
//! |---|---|
//! | leaf | `SHA-256(0x00 ‖ the record's canonical line)`, without a line end |
//! | node | `SHA-256(0x01 ‖ left ‖ right)` |
//! | root | the hash that stands for the first `size` records |
//! | peak | the root of a complete subtree; a tree of `size` records has one for each bit that is set in `size` |
//! | inclusion proof | the hashes that lead from one leaf to the root |
//! | consistency proof | the hashes that show that a later tree begins with all records of an earlier one |

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A hash of the tree: 32 bytes, in Base64 where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hash(pub [u8; 32]);

/// A tree as far as it has come: enough to append to it and to know its root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// How many leaves it has.
    size: u64,
    /// Its peaks, largest first.
    peaks: Vec<Hash>,
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It has more or fewer hashes than trees of these sizes need.
    #[error("the proof does not have the length that trees of these sizes need")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// The hash of a leaf.
#[must_use]
pub fn leaf(line: &str) -> Hash {
    hash(0, &[line.as_bytes()])
}

fn node(left: Hash, right: Hash) -> Hash {
    hash(1, &[&left.0, &right.0])
}

fn hash(domain: u8, parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([domain]);
    parts.iter().for_each(|part| hasher.update(part));
    Hash(hasher.finalize().into())
}

impl Tree {
    /// How many leaves it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn append(&mut self, leaf: Hash) {
        let mut peak = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("there is a peak for each bit of the size");
            peak = node(left, peak);
        }
        self.peaks.push(peak);
        self.size += 1;
    }

    /// The root; that of an empty tree is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let peaks = self.peaks.iter().rev().copied();
        peaks.reduce(|right, left| node(left, right)).unwrap_or_else(|| Hash(Sha256::digest([]).into()))
    }

    /// The peaks with the leaves that they stand for.
    fn ranges(&self) -> impl Iterator<Item = (Range<u64>, Hash)> {
        let mut from = 0;
        let bits = (0..64).rev().filter(|bit| self.size >> bit & 1 == 1);
        bits.zip(&self.peaks).map(move |(bit, peak)| {
            let range = from..from + (1 << bit);
            from = range.end;
            (range, *peak)
        })
    }
}

/// The leaves of a tree, from which proofs are made. What was pruned is known by its peaks alone.
#[derive(Debug, Clone, Default)]
pub struct Leaves {
    pruned: Tree,
    leaves: Vec<Hash>,
}

impl Leaves {
    /// The leaves that follow those of `pruned`.
    #[must_use]
    pub fn after(pruned: Tree) -> Self {
        Self { pruned, leaves: Vec::new() }
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.leaves.push(leaf);
    }

    /// How many leaves the tree has, those that were pruned included.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.pruned.size + self.leaves.len() as u64
    }

    /// The root of the tree of the first `size` records; none when it cannot be known any more, or not yet.
    #[must_use]
    pub fn root(&self, size: u64) -> Option<Hash> {
        match size {
            0 => Some(Tree::default().root()),
            size if size > self.size() => None,
            size => self.of(0..size),
        }
    }

    /// The inclusion proof of a record in the tree of the first `size` records (RFC 6962, 2.1.1), lowest hash first.
    #[must_use]
    pub fn inclusion(&self, seq: u64, size: u64) -> Option<Vec<Hash>> {
        let mut path = Vec::new();
        let mut range = 0..size;
        if seq >= size || size > self.size() {
            return None;
        }
        while range.end - range.start > 1 {
            let middle = range.start + split(range.end - range.start);
            let (inner, other) = if seq < middle {
                (range.start..middle, middle..range.end)
            } else {
                (middle..range.end, range.start..middle)
            };
            path.push(self.of(other)?);
            range = inner;
        }
        path.reverse();
        Some(path)
    }

    /// The proof that the tree of `size` records begins with the one of `earlier` records (RFC 6962, 2.1.2).
    #[must_use]
    pub fn consistency(&self, earlier: u64, size: u64) -> Option<Vec<Hash>> {
        let mut proof = Vec::new();
        if earlier == 0 || earlier > size || size > self.size() {
            return None;
        }
        let (mut range, mut whole) = (0..size, true);
        while range.end != earlier {
            let middle = range.start + split(range.end - range.start);
            if earlier <= middle {
                proof.push(self.of(middle..range.end)?);
                range = range.start..middle;
            } else {
                proof.push(self.of(range.start..middle)?);
                (range, whole) = (middle..range.end, false);
            }
        }
        if !whole {
            proof.push(self.of(range)?);
        }
        proof.reverse();
        Some(proof)
    }

    /// The root of a subtree.
    fn of(&self, range: Range<u64>) -> Option<Hash> {
        let pruned = self.pruned.size;
        if range.end <= pruned {
            return self.pruned.ranges().find(|(peak, _)| *peak == range).map(|(_, hash)| hash);
        }
        if range.end - range.start == 1 {
            return self.leaves.get(usize::try_from(range.start - pruned).ok()?).copied();
        }
        let middle = range.start + split(range.end - range.start);
        Some(node(self.of(range.start..middle)?, self.of(middle..range.end)?))
    }
}

/// The largest power of two below `n`: where a tree of `n` leaves splits.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// Checks that a leaf stands at `seq` in the tree with this size and root.
///
/// # Errors
/// [`ProofError`] when the proof does not show it.
pub fn check_inclusion(leaf: Hash, seq: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), ProofError> {
    if seq >= size {
        return Err(ProofError::Length);
    }
    let (mut place, mut last, mut reached) = (seq, size - 1, leaf);
    for hash in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            reached = node(*hash, reached);
            climb_to_right_child(&mut place, &mut last);
        } else {
            reached = node(reached, *hash);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    ends(last, reached == root)
}

/// Checks that the tree with `size` and `root` begins with the one of the earlier size and root.
///
/// # Errors
/// [`ProofError`] when the proof does not show it.
pub fn check_consistency(earlier: (u64, Hash), later: (u64, Hash), proof: &[Hash]) -> Result<(), ProofError> {
    if earlier.0 == later.0 {
        return if proof.is_empty() { same(earlier.1 == later.1) } else { Err(ProofError::Length) };
    }
    if earlier.0 == 0 || earlier.0 > later.0 {
        return Err(ProofError::Length);
    }
    // A tree that is complete is its own first hash.
    let mut hashes = earlier.0.is_power_of_two().then_some(earlier.1).into_iter().chain(proof.iter().copied());
    let first = hashes.next().ok_or(ProofError::Length)?;
    let (mut place, mut last) = (earlier.0 - 1, later.0 - 1);
    let full = place.trailing_ones();
    (place, last) = (place >> full, last >> full);
    let (mut old, mut new) = (first, first);
    for hash in hashes {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            (old, new) = (node(hash, old), node(hash, new));
            climb_to_right_child(&mut place, &mut last);
        } else {
            new = node(new, hash);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    ends(last, old == earlier.1 && new == later.1)
}

/// Goes up while the place is a left child without a sibling, which has no hash of its own.
fn climb_to_right_child(place: &mut u64, last: &mut u64) {
    while *place & 1 == 0 && *place != 0 {
        (*place, *last) = (*place >> 1, *last >> 1);
    }
}

fn ends(last: u64, reached: bool) -> Result<(), ProofError> {
    if last == 0 { same(reached) } else { Err(ProofError::Length) }
}

fn same(reached: bool) -> Result<(), ProofError> {
    if reached { Ok(()) } else { Err(ProofError::Root) }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl FromStr for Hash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| "a root hash is 32 bytes in Base64".to_owned())
    }
}

impl TryFrom<String> for Hash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: u64) -> (Tree, Leaves) {
        let (mut tree, mut all) = (Tree::default(), Leaves::default());
        for number in 0..count {
            let leaf = leaf(&number.to_string());
            tree.append(leaf);
            all.push(leaf);
        }
        (tree, all)
    }

    /// The vectors of the transparency log's reference implementation (certificate-transparency, `merkle_tree_test`).
    #[test]
    fn the_published_roots_come_out() {
        let inputs =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
        };
        let mut tree = Tree::default();
        for (input, root) in inputs.iter().zip(roots) {
            tree.append(hash(0, &[&hex(input)]));
            assert_eq!(tree.root().0.to_vec(), hex(root), "{input:?}");
        }
        assert_eq!(Tree::default().root().to_string(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn a_wrong_proof_is_refused_for_what_it_is() {
        let (tree, all) = leaves(7);
        let proof = all.inclusion(3, 7).unwrap();
        let check = |leaf, seq, proof: &[Hash]| check_inclusion(leaf, seq, 7, proof, tree.root());
        assert_eq!(check(leaf("3"), 3, &proof), Ok(()));
        assert_eq!(check(leaf("4"), 3, &proof), Err(ProofError::Root));
        assert_eq!(check(leaf("3"), 2, &proof), Err(ProofError::Root));
        assert_eq!(check(leaf("3"), 3, &proof[1..]), Err(ProofError::Length));
        assert_eq!(check(leaf("3"), 7, &proof), Err(ProofError::Length));
        assert!(all.inclusion(7, 7).is_none() && all.consistency(0, 7).is_none() && all.root(8).is_none());
    }

    proptest! {
        #[test]
        fn every_proof_holds_and_no_other_does(size in 1_u64..200, at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
            let (tree, all) = leaves(size);
            let (seq, earlier) = (at.index(size as usize) as u64, cut.index(size as usize) as u64 + 1);
            prop_assert_eq!(all.root(size), Some(tree.root()));
            let path = all.inclusion(seq, size).unwrap();
            prop_assert_eq!(check_inclusion(leaf(&seq.to_string()), seq, size, &path, tree.root()), Ok(()));
            prop_assert!(check_inclusion(leaf("x"), seq, size, &path, tree.root()).is_err());
            let before = leaves(earlier).0.root();
            let proof = all.consistency(earlier, size).unwrap();
            prop_assert_eq!(check_consistency((earlier, before), (size, tree.root()), &proof), Ok(()));
            prop_assert!(check_consistency((earlier, leaf("x")), (size, tree.root()), &proof).is_err());
        }

        #[test]
        fn what_was_pruned_does_not_change_the_roots_nor_the_proofs_of_what_stayed(size in 1_u64..120, cut in any::<prop::sample::Index>()) {
            let (tree, all) = leaves(size);
            let pruned = cut.index(size as usize) as u64;
            let mut rest = Leaves::after(leaves(pruned).0);
            (pruned..size).for_each(|number| rest.push(leaf(&number.to_string())));
            prop_assert_eq!(rest.root(size), Some(tree.root()));
            for seq in pruned..size {
                prop_assert_eq!(rest.inclusion(seq, size), all.inclusion(seq, size));
            }
            if pruned > 0 {
                prop_assert_eq!(rest.consistency(pruned, size), all.consistency(pruned, size));
            }
        }
    }
}
