//! What a query is, once it is read, and how it is written down again.

use std::fmt;

use serde_json::Value;

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    pub(super) distinct: bool,
    pub(super) top: Option<usize>,
    pub(super) select: Select,
    /// What the row is called; `root` when the query does not say.
    pub(super) alias: String,
    pub(super) filter: Option<Expression>,
    pub(super) order: Vec<Order>,
    pub(super) window: Option<Window>,
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Select {
    Everything,
    Value(Expression),
    Columns(Vec<(String, Expression)>),
}

/// One thing to sort by.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    pub(super) by: Expression,
    pub(super) descending: bool,
}

/// `OFFSET n LIMIT m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) offset: usize,
    pub(super) limit: usize,
}

/// Anything that has a value, or is undefined, for a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Undefined,
    Literal(Value),
    Parameter(String, Value),
    /// The alias, and the way from the row down.
    Path(String, Vec<Step>),
    Array(Vec<Expression>),
    Object(Vec<(String, Expression)>),
    Not(Box<Expression>),
    Minus(Box<Expression>),
    Binary(Box<Expression>, Operator, Box<Expression>),
    In(Box<Expression>, Vec<Expression>, bool),
    Between(Box<Expression>, Box<Expression>, Box<Expression>),
    Call(Function, Vec<Expression>),
    Aggregate(Aggregate, Box<Expression>),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Element(usize),
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($item:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name { $($item),* }

        impl $name {
            pub(super) fn text(self) -> &'static str {
                match self { $(Self::$item => $text),* }
            }

            /// The one of that name, in any case.
            pub(super) fn named(name: &str) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($text) { return Some(Self::$item); })*
                None
            }
        }
    };
}

words! {
    /// What stands between two expressions.
    Operator {
        Or = "OR", And = "AND",
        Equal = "=", NotEqual = "!=", Less = "<", LessOrEqual = "<=", Greater = ">", GreaterOrEqual = ">=",
        Concat = "||", Add = "+", Subtract = "-", Multiply = "*", Divide = "/", Modulo = "%",
    }
}

words! {
    /// Functions of one row.
    Function {
        Abs = "ABS", ArrayContains = "ARRAY_CONTAINS", ArrayLength = "ARRAY_LENGTH", Ceiling = "CEILING",
        Concat = "CONCAT", Contains = "CONTAINS", EndsWith = "ENDSWITH", Floor = "FLOOR", IsArray = "IS_ARRAY",
        IsBool = "IS_BOOL", IsDefined = "IS_DEFINED", IsNull = "IS_NULL", IsNumber = "IS_NUMBER",
        IsObject = "IS_OBJECT", IsPrimitive = "IS_PRIMITIVE", IsString = "IS_STRING", Length = "LENGTH",
        Lower = "LOWER", Round = "ROUND", StartsWith = "STARTSWITH", ToString = "TOSTRING", Upper = "UPPER",
    }
}

words! {
    /// Functions of all rows.
    Aggregate { Count = "COUNT", Sum = "SUM", Min = "MIN", Max = "MAX", Average = "AVG" }
}

impl Query {
    /// Whether partitions cannot simply be appended: what the rows are depends on those of other partitions.
    pub(crate) fn needs_merging(&self) -> bool {
        self.distinct
            || self.top.is_some()
            || self.window.is_some()
            || !self.order.is_empty()
            || !self.aggregates().is_empty()
    }

    /// The aggregates of what is selected.
    pub(super) fn aggregates(&self) -> Vec<(Aggregate, &Expression)> {
        let mut found = Vec::new();
        match &self.select {
            Select::Everything => {}
            Select::Value(value) => value.aggregates(&mut found),
            Select::Columns(columns) => columns.iter().for_each(|(_, value)| value.aggregates(&mut found)),
        }
        found
    }

    /// The values that the filter binds all these paths to: the partition that the query is about.
    pub(crate) fn pinned(&self, paths: &[Vec<String>]) -> Option<Vec<Value>> {
        let filter = self.filter.as_ref()?;
        paths.iter().map(|path| filter.pinned(path).cloned()).collect()
    }
}

impl Expression {
    fn aggregates<'a>(&'a self, found: &mut Vec<(Aggregate, &'a Self)>) {
        match self {
            Self::Aggregate(aggregate, of) => found.push((*aggregate, of)),
            Self::Array(items) | Self::Call(_, items) => items.iter().for_each(|item| item.aggregates(found)),
            Self::Object(members) => members.iter().for_each(|(_, member)| member.aggregates(found)),
            Self::Not(inner) | Self::Minus(inner) => inner.aggregates(found),
            Self::Binary(left, _, right) => {
                left.aggregates(found);
                right.aggregates(found);
            }
            _ => {}
        }
    }

    fn pinned(&self, path: &[String]) -> Option<&Value> {
        match self {
            Self::Binary(left, Operator::And, right) => left.pinned(path).or_else(|| right.pinned(path)),
            Self::Binary(left, Operator::Equal, right) => match (&**left, &**right) {
                (Self::Path(_, steps), value) | (value, Self::Path(_, steps)) if leads(steps, path) => value.constant(),
                _ => None,
            },
            _ => None,
        }
    }

    fn constant(&self) -> Option<&Value> {
        match self {
            Self::Literal(value) | Self::Parameter(_, value) => Some(value),
            _ => None,
        }
    }
}

fn leads(steps: &[Step], path: &[String]) -> bool {
    steps.len() == path.len()
        && steps.iter().zip(path).all(|(step, name)| matches!(step, Step::Member(member) if member == name))
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined => f.write_str("undefined"),
            Self::Literal(value) => write!(f, "{value}"),
            Self::Parameter(name, _) => f.write_str(name),
            Self::Path(alias, steps) => {
                f.write_str(alias)?;
                steps.iter().try_for_each(|step| match step {
                    Step::Member(name) => write!(f, "[{}]", Value::from(name.as_str())),
                    Step::Element(index) => write!(f, "[{index}]"),
                })
            }
            Self::Array(items) => write!(f, "[{}]", list(items)),
            Self::Object(members) => {
                let members = members.iter().map(|(name, value)| format!("{}: {value}", Value::from(name.as_str())));
                write!(f, "{{{}}}", members.collect::<Vec<_>>().join(", "))
            }
            Self::Not(inner) => write!(f, "(NOT {inner})"),
            Self::Minus(inner) => write!(f, "(-{inner})"),
            Self::Binary(left, operator, right) => write!(f, "({left} {} {right})", operator.text()),
            Self::In(value, items, negated) => {
                let not = if *negated { "NOT " } else { "" };
                write!(f, "({value} {not}IN ({}))", list(items))
            }
            Self::Between(value, low, high) => write!(f, "({value} BETWEEN {low} AND {high})"),
            Self::Call(function, arguments) => write!(f, "{}({})", function.text(), list(arguments)),
            Self::Aggregate(aggregate, of) => write!(f, "{}({of})", aggregate.text()),
        }
    }
}

fn list(items: &[Expression]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
