//! What a query is, once it is read.

use serde_json::Value;

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    pub(super) top: Option<usize>,
    pub(super) select: Select,
    /// What a row holds, in the order in which the query names it; never empty.
    pub(super) collections: Vec<Collection>,
    /// How the collections hang together; none when there is but one.
    pub(super) edges: Vec<Edge>,
    /// Whether no relationship may appear twice in a row, which is so for `MATCH`.
    pub(super) once: bool,
    pub(super) filter: Option<Expression>,
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Select {
    Everything,
    Count,
    Columns(Vec<Column>),
}

/// One member of a projected row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) path: Path,
}

/// A named part of a row. A twin that a pattern leaves blank has no name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Collection {
    pub(super) name: Option<String>,
    pub(super) kind: Kind,
}

/// What a collection is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Twins,
    Relationships,
}

/// A way from one twin of a row to another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edge {
    /// The twin on the left, by its place among the collections.
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) direction: Direction,
    /// The names that its relationships may have; any when there are none.
    pub(super) names: Vec<String>,
    /// The fewest and the most relationships on the way, both included; at least 1.
    pub(super) hops: (usize, usize),
    /// The collection that the relationship of a way of one hop is in.
    pub(super) relationship: Option<usize>,
}

/// Which way the relationships of an edge point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Direction {
    Right,
    Left,
    Either,
}

impl Direction {
    /// The same edge seen from its other end.
    pub(super) fn reversed(self) -> Self {
        match self {
            Self::Right => Self::Left,
            Self::Left => Self::Right,
            Self::Either => Self::Either,
        }
    }
}

/// Names from a collection down; none for the whole of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    /// The collection; `None` when the query has none of that name, and then the path leads nowhere.
    pub(super) of: Option<usize>,
    pub(super) names: Vec<String>,
}

/// What is asked of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Or(Box<Expression>, Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Compare(Operand, Comparison, Operand),
    In {
        operand: Operand,
        list: Vec<Value>,
        negated: bool,
    },
    Call(Function, Vec<Operand>),
    /// `IS_OF_MODEL([collection,] 'model' [, exact])`; `of` has no names.
    IsOfModel {
        of: Path,
        model: String,
        exact: bool,
    },
    /// A value standing alone: true when it is `true`.
    Truth(Operand),
}

impl Expression {
    /// Calls back for every path in it.
    pub(super) fn paths<'a>(&'a self, found: &mut dyn FnMut(&'a Path)) {
        let mut operand = |operand: &'a Operand| {
            if let Operand::Path(path) = operand {
                found(path);
            }
        };
        match self {
            Self::Or(left, right) | Self::And(left, right) => {
                left.paths(found);
                right.paths(found);
            }
            Self::Not(inside) => inside.paths(found),
            Self::Compare(left, _, right) => [left, right].into_iter().for_each(operand),
            Self::In { operand: of, .. } | Self::Truth(of) => operand(of),
            Self::Call(_, arguments) => arguments.iter().for_each(operand),
            Self::IsOfModel { of, .. } => found(of),
        }
    }

    /// The same for paths that are to be changed.
    pub(super) fn paths_mut(&mut self, found: &mut dyn FnMut(&mut Path)) {
        let mut operand = |operand: &mut Operand| {
            if let Operand::Path(path) = operand {
                found(path);
            }
        };
        match self {
            Self::Or(left, right) | Self::And(left, right) => {
                left.paths_mut(found);
                right.paths_mut(found);
            }
            Self::Not(inside) => inside.paths_mut(found),
            Self::Compare(left, _, right) => [left, right].into_iter().for_each(operand),
            Self::In { operand: of, .. } | Self::Truth(of) => operand(of),
            Self::Call(_, arguments) => arguments.iter_mut().for_each(operand),
            Self::IsOfModel { of, .. } => found(of),
        }
    }
}

/// A side of a comparison, or an argument.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Literal(Value),
    Path(Path),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The functions, but for `IS_OF_MODEL`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    StartsWith,
    EndsWith,
    Contains,
    ArrayContains,
    IsDefined,
    IsNull,
    IsBool,
    IsNumber,
    IsString,
    IsObject,
    IsPrimitive,
}

impl Function {
    /// The function of this name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "STARTSWITH" | "STARTS_WITH" => Self::StartsWith,
            "ENDSWITH" | "ENDS_WITH" => Self::EndsWith,
            "CONTAINS" => Self::Contains,
            "ARRAY_CONTAINS" => Self::ArrayContains,
            "IS_DEFINED" => Self::IsDefined,
            "IS_NULL" => Self::IsNull,
            "IS_BOOL" => Self::IsBool,
            "IS_NUMBER" => Self::IsNumber,
            "IS_STRING" => Self::IsString,
            "IS_OBJECT" => Self::IsObject,
            "IS_PRIMITIVE" => Self::IsPrimitive,
            _ => return None,
        })
    }

    /// How many arguments it takes.
    pub(super) fn arguments(self) -> usize {
        match self {
            Self::StartsWith | Self::EndsWith | Self::Contains | Self::ArrayContains => 2,
            _ => 1,
        }
    }
}
