//! The service's limits, as its documentation has them.

/// Bytes of a twin, and of the body of any request but the upload of models.
pub(super) const BODY_BYTES: usize = 32 * 1024;
/// Bytes of a string that is the value of a property, or in it.
pub(super) const STRING_BYTES: usize = 4 * 1024;
/// Bytes of one model.
pub(super) const MODEL_BYTES: usize = 1024 * 1024;
/// Models in one call.
pub(super) const MODELS_PER_CALL: usize = 250;
/// Models of an instance.
pub(super) const MODELS: usize = 10_000;
/// Twins of an instance.
pub(super) const TWINS: usize = 2_000_000;
/// Relationships into a twin, and out of it.
pub(super) const RELATIONSHIPS_PER_TWIN: usize = 50_000;
/// Event routes of an instance.
pub(super) const ROUTES: usize = 6;
/// Characters of the id of a twin, relationship or route.
pub(super) const ID_CHARS: usize = 128;
/// Entries of one page of a list.
pub(super) const LIST_PAGE: usize = 100;
/// Entries of one page of a query.
pub(super) const QUERY_PAGE: usize = 1000;
/// Characters of a query.
pub(super) const QUERY_CHARS: usize = 8000;
/// `AND` and `OR` in a query.
pub(super) const QUERY_OPERATORS: usize = 50;
/// Items of an `IN` list.
pub(super) const QUERY_LIST: usize = 50;
/// `JOIN`s in a query.
pub(super) const QUERY_JOINS: usize = 5;
/// Hops of the relationships of a `MATCH`, taken together.
pub(super) const QUERY_HOPS: usize = 10;
/// Parentheses and negations in each other; ours, since the documentation has no such limit.
pub(super) const QUERY_DEPTH: usize = 100;
/// Bytes of the body of a query: a continuation token holds the query and where it stopped.
pub(super) const QUERY_BYTES: usize = 256 * 1024;
