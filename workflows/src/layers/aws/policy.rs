//! What roles may do: just what their function needs, on just the resources that it needs it on.

use aws::policy::{allow, document};
use functions::function::Function;
use serde_json::Value;

use crate::naming::{AwsNames, Bucket};

/// What a function may do. Whether it stores by itself depends on where hot storage is.
pub(crate) fn of(function: Function, names: &AwsNames, own_hot: bool) -> Value {
    let mut statements = vec![logs(function, names)];
    let table = [names.arn("dynamodb", &format!("table/{}", names.table()))];
    let objects = |bucket| [format!("{}/*", names.bucket_arn(bucket))];
    match function {
        Function::Persister | Function::HotWriter if own_hot => {
            statements.push(allow("store", ["dynamodb:PutItem".to_owned()], table));
        }
        Function::HotReader if own_hot => statements.push(allow("read", ["dynamodb:Query".to_owned()], table)),
        Function::ColdWriter => statements.push(allow("store", ["s3:PutObject".to_owned()], objects(Bucket::Cold))),
        Function::ArchiveWriter => {
            statements.push(allow("store", ["s3:PutObject".to_owned()], objects(Bucket::Archive)))
        }
        _ => {}
    }
    document(statements)
}

/// Log streams are named by the service, so the group is as narrow as it gets.
fn logs(function: Function, names: &AwsNames) -> Value {
    let group = names.arn("logs", &format!("log-group:{}", names.log_group(function)));
    allow("log", ["logs:CreateLogStream", "logs:PutLogEvents"].map(String::from), [format!("{group}:*")])
}
