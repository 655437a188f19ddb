//! What an account may have by default, as Service Quotas lists it for `iottwinmaker`.

pub(super) const WORKSPACES: usize = 15;
pub(super) const COMPONENT_TYPES: usize = 150;
pub(super) const PROPERTIES: usize = 200;
/// Types that one type names as its parents.
pub(super) const PARENT_TYPES: usize = 10;
/// Types one above the other, the lowest included.
pub(super) const TYPE_DEPTH: usize = 10;
pub(super) const ENTITIES: usize = 10_000;
pub(super) const ENTITY_DEPTH: usize = 10;
pub(super) const CHILDREN: usize = 100;
pub(super) const COMPONENTS: usize = 10;
pub(super) const TAGS: usize = 50;

use super::refusal::Refusal;

/// Refuses what would be more than a quota allows.
pub(super) fn check(would_be: usize, most: usize, what: &str) -> Result<(), Refusal> {
    if would_be <= most {
        return Ok(());
    }
    Err(Refusal::over_quota(format!("{would_be} {what} would be more than the quota of {most}.")))
}
