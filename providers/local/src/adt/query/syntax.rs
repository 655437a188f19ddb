//! What a query is, once it is read.

use serde_json::Value;

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    pub(super) top: Option<usize>,
    pub(super) select: Select,
    pub(super) source: Source,
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

/// Where rows come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
    Twins,
    Relationships,
}

/// Names from the row down, the source's alias left out; empty for the row itself.
pub(super) type Path = Vec<String>;

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
    /// A value standing alone: true when it is `true`.
    Truth(Operand),
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

/// The functions.
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
    IsOfModel,
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
            "IS_OF_MODEL" => Self::IsOfModel,
            _ => return None,
        })
    }

    /// How many arguments it takes: least and most.
    pub(super) fn arguments(self) -> (usize, usize) {
        match self {
            Self::StartsWith | Self::EndsWith | Self::Contains | Self::ArrayContains => (2, 2),
            Self::IsOfModel => (1, 3),
            _ => (1, 1),
        }
    }
}
