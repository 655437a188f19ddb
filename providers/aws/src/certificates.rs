//! Certificates of IoT devices, and what they are attached to.

use aws_sdk_iot::types::CertificateStatus;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use crate::{
    Aws, Error, ErrorKind, arn,
    error::{UnlessMissing, failed},
};

/// A certificate as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateState {
    /// What things and policies are attached to.
    pub arn: String,
    /// Whether devices may come with it.
    pub active: bool,
    /// The service's word for its status, `ACTIVE`.
    pub status: String,
}

/// Computes the id that IoT gives a certificate: the SHA-256 of its DER form, in hexadecimal.
///
/// It is known before the certificate is registered, so a registration in doubt is settled by a look.
///
/// # Errors
/// When `pem` is not a certificate in PEM form (RFC 7468).
pub fn certificate_id(pem: &str) -> Result<String, Error> {
    let body = pem.split("-----BEGIN CERTIFICATE-----").nth(1).and_then(|rest| rest.split("-----END").next());
    let text: String = body.unwrap_or_default().split_whitespace().collect();
    match STANDARD.decode(&text) {
        Ok(der) if !der.is_empty() => Ok(Sha256::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect()),
        _ => Err(Error::permanent("read a certificate in PEM form")),
    }
}

impl Aws {
    /// Asks for the host, `host[:port]`, at which devices of the account send (IoT DescribeEndpoint, `iot:Data-ATS`).
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn iot_endpoint(&self) -> Result<String, Error> {
        let request = self.iot().describe_endpoint().endpoint_type("iot:Data-ATS");
        let answer = request.send().await.map_err(failed("iot:DescribeEndpoint", self.region()))?;
        answer.endpoint_address.ok_or_else(|| Error::permanent("find the endpoint of devices in the service's answer"))
    }

    /// Looks at a certificate; `None` when none of this id is registered.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn certificate(&self, id: &str) -> Result<Option<CertificateState>, Error> {
        let request = self.iot().describe_certificate().certificate_id(id);
        let answer = request.send().await.map_err(failed("iot:DescribeCertificate", id)).unless_missing()?;
        Ok(answer.and_then(|answer| answer.certificate_description).map(|found| CertificateState {
            arn: found.certificate_arn.unwrap_or_default(),
            active: found.status == Some(CertificateStatus::Active),
            status: found.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        }))
    }

    /// Registers a certificate as active, without its authority, and gives its id. One that is registered is fine.
    ///
    /// Only the certificate is sent; the private key never leaves this machine.
    ///
    /// # Errors
    /// When `pem` is not a certificate, or the service refuses it.
    pub async fn register_certificate(&self, pem: &str) -> Result<String, Error> {
        let id = certificate_id(pem)?;
        let request = self.iot().register_certificate_without_ca().certificate_pem(pem);
        let request = request.status(CertificateStatus::Active);
        match request.send().await.map_err(failed("iot:RegisterCertificateWithoutCA", &id)) {
            Err(error) if error.code() == Some("ResourceAlreadyExistsException") => self.activate(&id).await?,
            settled => drop(settled?),
        }
        Ok(id)
    }

    /// Attaches a certificate to a thing and a policy to the certificate; repeating it is fine.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when one of the three is not there.
    pub async fn attach(&self, thing: &str, certificate_arn: &str, policy: &str) -> Result<(), Error> {
        let request = self.iot().attach_policy().policy_name(policy).target(certificate_arn);
        request.send().await.map_err(failed("iot:AttachPolicy", policy))?;
        let request = self.iot().attach_thing_principal().thing_name(thing).principal(certificate_arn);
        request.send().await.map_err(failed("iot:AttachThingPrincipal", thing)).map(drop)
    }

    /// Undoes [`Aws::attach`]; what is not attached, or not there, is fine.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn detach(&self, thing: &str, certificate_arn: &str, policy: &str) -> Result<(), Error> {
        let request = self.iot().detach_thing_principal().thing_name(thing).principal(certificate_arn);
        request.send().await.map_err(failed("iot:DetachThingPrincipal", thing)).unless_missing()?;
        self.detach_policy(certificate_arn, policy).await
    }

    /// Lists the ARNs of the certificates that are attached to a thing; none when there is no such thing.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn principals_of_thing(&self, thing: &str) -> Result<Vec<String>, Error> {
        let pages = self.iot().list_thing_principals().thing_name(thing).into_paginator().items().send();
        let principals = pages.try_collect().await.map_err(failed("iot:ListThingPrincipals", thing));
        Ok(principals.unless_missing()?.unwrap_or_default())
    }

    /// Lists the names of the policies that are attached to a certificate; none when it is not registered.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn policies_of_certificate(&self, certificate_arn: &str) -> Result<Vec<String>, Error> {
        let pages = self.iot().list_attached_policies().target(certificate_arn).into_paginator().items().send();
        let policies = pages.try_collect().await.map_err(failed("iot:ListAttachedPolicies", certificate_arn));
        let policies = policies.unless_missing()?.unwrap_or_default();
        Ok(policies.into_iter().filter_map(|policy| policy.policy_name).collect())
    }

    /// Shuts a certificate's devices out and removes it, detached from all its things and policies; not there is fine.
    ///
    /// # Errors
    /// [`ErrorKind::NotYet`] while the service still sees it attached to something.
    pub async fn deactivate_and_delete_certificate(&self, id: &str) -> Result<(), Error> {
        let Some(found) = self.certificate(id).await? else { return Ok(()) };
        let request = self.iot().update_certificate().certificate_id(id).new_status(CertificateStatus::Inactive);
        request.send().await.map_err(failed("iot:UpdateCertificate", id)).unless_missing()?;
        for policy in self.policies_of_certificate(&found.arn).await? {
            self.detach_policy(&found.arn, &policy).await?;
        }
        for thing in self.things_of_certificate(&found.arn).await? {
            let request = self.iot().detach_thing_principal().thing_name(&thing).principal(&found.arn);
            request.send().await.map_err(failed("iot:DetachThingPrincipal", &thing)).unless_missing()?;
        }
        let request = self.iot().delete_certificate().certificate_id(id);
        match request.send().await.map_err(failed("iot:DeleteCertificate", id)).unless_missing() {
            // Detaching is asynchronous: it takes a while to be known everywhere.
            Err(error) if error.code() == Some("DeleteConflictException") => Err(error.with_kind(ErrorKind::NotYet)),
            settled => settled.map(drop),
        }
    }

    /// The ARN of a certificate by its id.
    #[must_use]
    pub fn certificate_arn(&self, account: &str, id: &str) -> String {
        arn::regional(self.region(), account, "iot", &format!("cert/{id}"))
    }

    async fn activate(&self, id: &str) -> Result<(), Error> {
        if self.certificate(id).await?.is_some_and(|found| found.active) {
            return Ok(());
        }
        let request = self.iot().update_certificate().certificate_id(id).new_status(CertificateStatus::Active);
        request.send().await.map_err(failed("iot:UpdateCertificate", id)).map(drop)
    }

    async fn detach_policy(&self, certificate_arn: &str, policy: &str) -> Result<(), Error> {
        let request = self.iot().detach_policy().policy_name(policy).target(certificate_arn);
        request.send().await.map_err(failed("iot:DetachPolicy", policy)).unless_missing().map(drop)
    }

    async fn things_of_certificate(&self, certificate_arn: &str) -> Result<Vec<String>, Error> {
        let pages = self.iot().list_principal_things().principal(certificate_arn).into_paginator().items().send();
        let things = pages.try_collect().await.map_err(failed("iot:ListPrincipalThings", certificate_arn));
        Ok(things.unless_missing()?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_digest_of_the_certificate() {
        // "abc", whose digest is FIPS 180-2's example.
        let pem = "text before\n-----BEGIN CERTIFICATE-----\nYW\nJj\n-----END CERTIFICATE-----\n";
        let id = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(certificate_id(pem), Ok(id.into()));
        for wrong in ["", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n!!"] {
            assert!(certificate_id(wrong).is_err(), "{wrong}");
        }
    }
}
