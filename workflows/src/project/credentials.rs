//! `config_credentials.json`: read for the real clouds alone, and of it only the parts of clouds that are used.

use functions::settings::Secret;
use jsonc_parser::ast::Value;

use super::{
    fields::{Fields, object},
    source::Place,
};
use crate::{
    problem::{Code, Problem},
    regions::{self, Regions},
};

/// The Azure account and how to open it, as far as the file says; what is absent comes from the environment or a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureCredentials {
    /// `azure_subscription_id`
    pub subscription: Option<String>,
    /// `azure_tenant_id`
    pub tenant: Option<String>,
    /// `azure_client_id`
    pub client_id: Option<String>,
    /// `azure_client_secret`
    pub client_secret: Option<Secret>,
    /// `azure_region`, `azure_region_iothub`, `azure_region_digital_twin`; the first stands in for the others.
    pub regions: Option<Regions>,
}

/// The AWS account and how to open it, as far as the file says; what is absent comes from the SDK's usual places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    /// `aws_access_key_id`
    pub access_key: Option<String>,
    /// `aws_secret_access_key`
    pub secret_key: Option<Secret>,
    /// `aws_region`
    pub region: Option<String>,
}

/// Reads the AWS section; `None` when there is none.
pub(super) fn read_aws(place: Place<'_>, value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<AwsCredentials> {
    let mut clouds = object(place, value, "the credentials", problems)?;
    let section = clouds.optional("aws")?;
    let mut fields = object(place, section, "the credentials of AWS", problems)?;
    let mut text = |key| fields.optional_text(key, problems).map(|text| text.value).filter(|text| !text.is_empty());
    let access_key = text("aws_access_key_id");
    let secret_key = text("aws_secret_access_key").map(Secret::new);
    let region = text("aws_region");
    fields.finish(problems);
    Some(AwsCredentials { access_key, secret_key, region })
}

/// Reads the Azure section; `None` when there is none.
pub(super) fn read_azure(place: Place<'_>, value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<AzureCredentials> {
    let mut clouds = object(place, value, "the credentials", problems)?;
    let section = clouds.optional("azure")?;
    let mut fields = object(place, section, "the credentials of Azure", problems)?;
    let mut text = |key| fields.optional_text(key, problems).map(|text| text.value).filter(|text| !text.is_empty());
    let subscription = text("azure_subscription_id");
    let tenant = text("azure_tenant_id");
    let client_id = text("azure_client_id");
    let client_secret = text("azure_client_secret").map(Secret::new);
    let regions = read_regions(&mut fields, problems);
    fields.finish(problems);
    Some(AzureCredentials { subscription, tenant, client_id, client_secret, regions })
}

fn read_regions(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<Regions> {
    let default = region(fields, "azure_region", problems);
    let iot_hub = region(fields, "azure_region_iothub", problems);
    let digital_twin = region(fields, "azure_region_digital_twin", problems);
    let default = default?;
    let iot_hub = iot_hub.unwrap_or_else(|| default.clone());
    let digital_twin = digital_twin.unwrap_or_else(|| default.clone());
    Some(Regions { default, iot_hub, digital_twin })
}

/// A region as Resource Manager names it: `West Europe` is `westeurope`.
fn region(fields: &mut Fields<'_, '_>, key: &'static str, problems: &mut Vec<Problem>) -> Option<String> {
    let text = fields.optional_text(key, problems).filter(|text| !text.value.is_empty())?;
    let region = text.value.replace(' ', "").to_lowercase();
    if !regions::is_known(&region) {
        let message = format!("\"{}\" is no region that is known here", text.value);
        let problem = fields.place.problem_at(text.span, Code::RegionUnknown, message);
        problems.push(
            problem
                .why("a region that does not exist is refused by Azure")
                .fix("look for a slip; if it is a new region, go on"),
        );
    } else if key == "azure_region_digital_twin" && !regions::has_digital_twins(&region) {
        let message = format!("\"{region}\" is not known to offer Azure Digital Twins");
        let problem = fields.place.problem_at(text.span, Code::RegionUnknown, message);
        let remedy = format!("write one of {}", regions::with_digital_twins());
        problems.push(problem.why("the service exists in some regions only").fix(remedy));
    }
    Some(region)
}
