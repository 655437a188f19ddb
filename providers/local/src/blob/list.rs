//! Listing the blobs of a container: prefix, folders by delimiter, pages by marker.

use super::answer::{Refusal, escaped, http_date};
use super::store::Blob;

/// Entries that a page holds at most.
const PAGE: usize = 5000;

/// What a client asks of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    pub(super) prefix: String,
    pub(super) delimiter: Option<String>,
    /// The name of the first entry: what an earlier page gave as its next marker.
    pub(super) marker: Option<String>,
    pub(super) page: Option<usize>,
    pub(super) with_metadata: bool,
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry<'a> {
    Blob(&'a Blob),
    /// All blobs whose names begin like this.
    Folder(String),
}

impl Entry<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Blob(blob) => &blob.name,
            Self::Folder(prefix) => prefix,
        }
    }
}

impl Ask {
    /// Reads `maxresults`.
    pub(super) fn page(text: Option<&str>) -> Result<Option<usize>, Refusal> {
        let Some(text) = text else { return Ok(None) };
        match text.parse() {
            Ok(page) if page > 0 => Ok(Some(page)),
            _ => Err(Refusal::new(400, "OutOfRangeQueryParameterValue", format!("maxresults must not be '{text}'."))),
        }
    }

    fn entries<'a>(&self, blobs: &'a [Blob]) -> Vec<Entry<'a>> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        for blob in blobs.iter().filter(|blob| blob.name.starts_with(&self.prefix)) {
            let rest = &blob.name[self.prefix.len()..];
            let delimiter = self.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
            let entry = match delimiter.and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len())) {
                Some(end) => Entry::Folder(blob.name[..self.prefix.len() + end].to_owned()),
                None => Entry::Blob(blob),
            };
            if entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
        entries
    }

    /// The page as XML; the blobs are in the order of their names.
    pub(super) fn xml(&self, endpoint: &str, container: &str, blobs: &[Blob]) -> String {
        let mut entries = self.entries(blobs);
        if let Some(marker) = &self.marker {
            entries.retain(|entry| entry.name() >= marker.as_str());
        }
        let page = self.page.unwrap_or(PAGE).min(PAGE);
        let next = entries.get(page).map_or("", Entry::name).to_owned();
        entries.truncate(page);
        let listed: String = entries.iter().map(|entry| self.entry(entry)).collect();
        let echoed = [
            ("Prefix", (!self.prefix.is_empty()).then_some(self.prefix.as_str())),
            ("Marker", self.marker.as_deref()),
            ("Delimiter", self.delimiter.as_deref()),
        ];
        let echoed: String = echoed.iter().filter_map(|(name, value)| Some(tag(name, (*value)?))).collect();
        let size = self.page.map_or(String::new(), |page| tag("MaxResults", &page.to_string()));
        format!(
            "<EnumerationResults ServiceEndpoint=\"{}\" ContainerName=\"{}\">{echoed}{size}<Blobs>{listed}</Blobs>{}</EnumerationResults>",
            escaped(endpoint),
            escaped(container),
            tag("NextMarker", &next),
        )
    }

    fn entry(&self, entry: &Entry<'_>) -> String {
        match entry {
            Entry::Folder(prefix) => format!("<BlobPrefix>{}</BlobPrefix>", tag("Name", prefix)),
            Entry::Blob(blob) => {
                let metadata = if self.with_metadata { metadata(blob) } else { String::new() };
                format!(
                    "<Blob>{}<Properties>{}</Properties>{metadata}</Blob>",
                    tag("Name", &blob.name),
                    properties(blob)
                )
            }
        }
    }
}

fn tag(name: &str, value: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(value))
}

fn properties(blob: &Blob) -> String {
    [
        ("Creation-Time", http_date(blob.created)),
        ("Last-Modified", http_date(blob.modified)),
        // Lists give it without its quotes.
        ("Etag", blob.etag.trim_matches('"').to_owned()),
        ("Content-Length", blob.size.to_string()),
        ("Content-Type", blob.content_type.clone()),
        ("Content-MD5", blob.md5.clone()),
        ("BlobType", if blob.is_append { "AppendBlob" } else { "BlockBlob" }.to_owned()),
        ("AccessTier", "Hot".to_owned()),
        ("AccessTierInferred", "true".to_owned()),
        ("LeaseStatus", "unlocked".to_owned()),
        ("LeaseState", "available".to_owned()),
        ("ServerEncrypted", "true".to_owned()),
    ]
    .iter()
    .map(|(name, value)| tag(name, value))
    .collect()
}

fn metadata(blob: &Blob) -> String {
    let named = blob.headers.iter().filter_map(|(name, value)| Some(tag(name.strip_prefix("x-ms-meta-")?, value)));
    format!("<Metadata>{}</Metadata>", named.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use std::collections::BTreeMap;

    fn blobs(names: &[&str]) -> Vec<Blob> {
        let blob = |name: &&str| Blob {
            name: (*name).to_owned(),
            size: 1,
            etag: "\"0x1\"".to_owned(),
            content_type: "text/plain".to_owned(),
            md5: String::new(),
            created: DateTime::UNIX_EPOCH,
            modified: DateTime::UNIX_EPOCH,
            is_append: false,
            headers: BTreeMap::new(),
        };
        names.iter().map(blob).collect()
    }

    /// Names in the page, folders included, and the next marker.
    fn page(ask: &Ask, blobs: &[Blob]) -> (Vec<String>, String) {
        let xml = ask.xml("https://acc/", "c", blobs);
        let between = |text: &str| text.split("</").next().unwrap_or_default().to_owned();
        let names = xml.split("<Name>").skip(1).map(between).collect();
        (names, xml.split("<NextMarker>").nth(1).map(between).expect("a marker"))
    }

    #[test]
    fn a_delimiter_makes_folders_below_the_prefix() {
        let blobs = blobs(&["a", "b/1", "b/2", "b/c/3", "c"]);
        let ask = |prefix: &str| Ask { prefix: prefix.to_owned(), delimiter: Some("/".to_owned()), ..Ask::default() };
        assert_eq!(page(&ask(""), &blobs).0, ["a", "b/", "c"]);
        assert_eq!(page(&ask("b/"), &blobs).0, ["b/1", "b/2", "b/c/"]);
        assert_eq!(page(&Ask { prefix: "b/".to_owned(), ..Ask::default() }, &blobs).0, ["b/1", "b/2", "b/c/3"]);
    }

    #[test]
    fn pages_follow_one_another_without_gap_or_overlap() {
        let blobs = blobs(&["a", "b/1", "b/2", "c", "d&e"]);
        let (mut ask, mut seen) =
            (Ask { page: Some(2), delimiter: Some("/".to_owned()), ..Ask::default() }, Vec::new());
        loop {
            let (names, next) = page(&ask, &blobs);
            seen.extend(names);
            if next.is_empty() {
                break;
            }
            ask.marker = Some(next);
        }
        assert_eq!(seen, ["a", "b/", "c", "d&amp;e"]);
        assert!(Ask::page(Some("0")).is_err() && Ask::page(Some("x")).is_err());
    }
}
