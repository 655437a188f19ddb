//! The request of a data connector, as far as a reader of time series needs it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::{
    history::Range,
    inbound::{Malformed, text, time},
};

/// Values per answer where the request does not say, and the most; TwinMaker asks for at most 200.
const DEFAULT_RESULTS: usize = 100;
const MOST_RESULTS: usize = 1_000;

/// Items per page of storage.
const PAGE: usize = 200;

/// The property of a component that names the device, where the entity is called otherwise.
const DEVICE: &str = "iotDeviceId";

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) entity: String,
    pub(super) component: Option<String>,
    pub(super) device: String,
    pub(super) properties: Vec<Selected>,
    pub(super) results: usize,
    from: DateTime<Utc>,
    /// The first moment that is asked for no more.
    until: DateTime<Utc>,
    after: Option<String>,
    descending: bool,
}

/// A property that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) name: String,
    pub(super) kind: Option<Kind>,
}

/// A type of TwinMaker that values of telemetry have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Double,
    Integer,
    Long,
    String,
    /// One that no value of telemetry is given as.
    Other,
}

impl Query {
    /// What is to be read.
    pub(super) fn range(&self) -> Range {
        let range = Range::new(self.device.as_str(), self.from, self.until);
        Range { after: self.after.clone(), descending: self.descending, limit: PAGE.min(self.results + 1), ..range }
    }
}

/// Reads a request.
pub(super) fn parse(request: &Value) -> Result<Query, Malformed> {
    let Value::Object(request) = request else { return Err(Malformed::new("", "not a JSON object")) };
    // What would change the result, and is not done here, is not passed over in silence.
    absent(request, "propertyFilters", "filters are not taken")?;
    absent(request, "interpolation", "values are not interpolated")?;
    let entity = text(request, "entityId")?.ok_or_else(|| Malformed::new("/entityId", "no entity is named"))?;
    let definitions = request.get("properties").and_then(Value::as_object);
    let device = definitions.and_then(|all| all.get(DEVICE)).and_then(device).unwrap_or(entity);
    let query = Query {
        entity: entity.to_owned(),
        component: text(request, "componentName")?.map(str::to_owned),
        device: device.to_owned(),
        properties: selected(request, definitions)?,
        results: results(request)?,
        from: moment(request, "startTime", "startDateTime")?.unwrap_or(DateTime::UNIX_EPOCH),
        until: moment(request, "endTime", "endDateTime")?.unwrap_or_else(Utc::now) + TimeDelta::microseconds(1),
        after: text(request, "nextToken")?.map(str::to_owned),
        descending: descending(request)?,
    };
    let range = query.range();
    match &range.after {
        Some(after) if *after < range.from || *after >= range.until => {
            Err(Malformed::new("/nextToken", "not a token of this query"))
        }
        _ => Ok(query),
    }
}

fn absent(request: &Map<String, Value>, name: &str, why: &'static str) -> Result<(), Malformed> {
    match request.get(name) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(list)) if list.is_empty() => Ok(()),
        Some(_) => Err(Malformed::new(format!("/{name}"), why)),
    }
}

/// The device that a property names: by its value, or else its default.
fn device(property: &Value) -> Option<&str> {
    let at = |place| property.pointer(place).and_then(Value::as_str).filter(|id| !id.is_empty());
    at("/value/stringValue").or_else(|| at("/definition/defaultValue/stringValue"))
}

fn selected(
    request: &Map<String, Value>,
    definitions: Option<&Map<String, Value>>,
) -> Result<Vec<Selected>, Malformed> {
    let place = "/selectedProperties";
    let names = request.get("selectedProperties").and_then(Value::as_array);
    let names = names.ok_or_else(|| Malformed::new(place, "not a list of properties"))?;
    let select = |name: &Value| {
        let name = name.as_str().ok_or_else(|| Malformed::new(place, "not a list of properties"))?;
        let definition = definitions.and_then(|all| all.get(name));
        let kind =
            definition.and_then(|property| property.pointer("/definition/dataType/type")).and_then(Value::as_str);
        Ok(Selected { name: name.to_owned(), kind: kind.map(Kind::of) })
    };
    names.iter().map(select).collect()
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "BOOLEAN" => Self::Boolean,
            "DOUBLE" => Self::Double,
            "INTEGER" => Self::Integer,
            "LONG" => Self::Long,
            "STRING" => Self::String,
            _ => Self::Other,
        }
    }
}

fn results(request: &Map<String, Value>) -> Result<usize, Malformed> {
    match request.get("maxResults") {
        None | Some(Value::Null) => Ok(DEFAULT_RESULTS),
        Some(most) => match most.as_u64() {
            Some(0) => Ok(DEFAULT_RESULTS),
            Some(most) => Ok(usize::try_from(most).unwrap_or(MOST_RESULTS).min(MOST_RESULTS)),
            None => Err(Malformed::new("/maxResults", "not a whole number")),
        },
    }
}

/// A moment by its name, or by the one of old with seconds since 1970.
fn moment(request: &Map<String, Value>, name: &str, seconds: &str) -> Result<Option<DateTime<Utc>>, Malformed> {
    if let Some(time) = time(request, name)? {
        return Ok(Some(time));
    }
    match request.get(seconds) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let time = value.as_i64().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            let time = time.filter(crate::inbound::writable);
            time.map(Some).ok_or_else(|| Malformed::new(format!("/{seconds}"), "not a time in seconds"))
        }
    }
}

fn descending(request: &Map<String, Value>) -> Result<bool, Malformed> {
    match text(request, "orderByTime")? {
        None | Some("ASCENDING") => Ok(false),
        Some("DESCENDING") => Ok(true),
        Some(_) => Err(Malformed::new("/orderByTime", "neither ASCENDING nor DESCENDING")),
    }
}
