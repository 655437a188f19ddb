//! Objects in buckets.

use std::collections::BTreeMap;

use aws_sdk_s3::{
    config::timeout::TimeoutConfig,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::{
    Aws, Error,
    error::{UnlessMissing, failed},
    handle::TIMEOUT,
};

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Its size in bytes.
    pub size: u64,
    /// The metadata that it was put with; names in lower case.
    pub metadata: BTreeMap<String, String>,
    /// The SHA-256 of its content in hexadecimal, when it was put with one, as [`Aws::put_object`] does.
    pub sha256: Option<String>,
}

impl Aws {
    /// Looks at an object; `None` when there is none, or no such bucket.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn object(&self, bucket: &str, key: &str) -> Result<Option<ObjectHead>, Error> {
        let request = self.s3().head_object().bucket(bucket).key(key).checksum_mode(ChecksumMode::Enabled);
        let answer = request.send().await.map_err(failed("s3:HeadObject", &path(bucket, key))).unless_missing()?;
        Ok(answer.map(|found| ObjectHead {
            size: found.content_length.unwrap_or_default().try_into().unwrap_or_default(),
            metadata: found.metadata.unwrap_or_default().into_iter().collect(),
            sha256: found
                .checksum_sha256
                .and_then(|text| STANDARD.decode(text).ok())
                .map(|digest| hexadecimal(&digest)),
        }))
    }

    /// Puts an object in place of any that was there. The service checks the content against its SHA-256 and keeps that.
    ///
    /// It may take ten times as long as other requests.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached; [`crate::ErrorKind::NotFound`] when there is no such bucket.
    pub async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let patient = TimeoutConfig::builder().operation_timeout(TIMEOUT * 10).build();
        let request = self
            .s3()
            .put_object()
            .bucket(bucket)
            .key(key)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(STANDARD.encode(Sha256::digest(&body)))
            .set_metadata(Some(metadata.clone().into_iter().collect()))
            .body(ByteStream::from(body))
            .customize()
            .config_override(aws_sdk_s3::Config::builder().timeout_config(patient));
        request.send().await.map_err(failed("s3:PutObject", &path(bucket, key))).map(drop)
    }

    /// Removes an object; nothing there is fine.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn delete_object(&self, bucket: &str, key: &str) -> Result<(), Error> {
        let request = self.s3().delete_object().bucket(bucket).key(key);
        request.send().await.map_err(failed("s3:DeleteObject", &path(bucket, key))).unless_missing().map(drop)
    }

    /// Lists the keys of a bucket that begin with a prefix, all pages of them; none when there is no such bucket.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn objects(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, Error> {
        let mut keys = Vec::new();
        let mut pages = self.s3().list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let Some(page) = page.map_err(failed("s3:ListObjectsV2", bucket)).unless_missing()? else { break };
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        Ok(keys)
    }
}

fn path(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
