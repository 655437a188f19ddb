"""What the tests of Microsoft's SDKs for Python ask of `devtools_testutils`, for tests that talk to a local cloud.

Microsoft's library of this name, which records and plays back traffic, is not published. This one has what the tests of
azure-digitaltwins-core import and call, and sends every request to the cloud that the environment names:

- AZURE_DIGITALTWINS_URL, the instance; http:// is allowed here;
- AZURE_AUTHORITY_HOST, AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, for its login;
- AZURE_CA_BUNDLE, the file of the certificate authority to trust.

The fixtures that the tests ask for are in `devtools_testutils.fixtures`, a plugin of pytest.
"""

import os
import uuid

from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential

__all__ = ["AzureRecordedTestCase"]


class AllowPlainHttp(SansIOHTTPPolicy):
    """Sets azure-core's own option of a request that lets a token go over plain HTTP."""

    def on_request(self, request):
        request.context.options["enforce_https"] = False


class AzureRecordedTestCase:
    """The base class of Microsoft's tests.

    `is_live` tells whether a written twin may take a while to be seen by queries: the tests then sleep for ten seconds. A
    local cloud shows at once what it has written, and a test that relies on that is the stricter one, so it is false;
    nothing is played back all the same.
    """

    is_live = False

    def create_random_name(self, prefix):
        """A name that no other test has, made of letters and digits after its prefix."""
        return prefix + uuid.uuid4().hex[:12]

    def get_credential(self, client_class, is_async=False):
        """The login of the environment, by Microsoft's own credential class."""
        kind = AsyncClientSecretCredential if is_async else ClientSecretCredential
        return kind(
            os.environ["AZURE_TENANT_ID"],
            os.environ["AZURE_CLIENT_ID"],
            os.environ["AZURE_CLIENT_SECRET"],
            authority=os.environ["AZURE_AUTHORITY_HOST"],
            disable_instance_discovery=True,
            connection_verify=os.environ["AZURE_CA_BUNDLE"],
        )

    def create_client_from_credential(self, client_class, credential, endpoint, **kwargs):
        """A client of that class, sync or async, that trusts the environment's certificate authority."""
        if endpoint.startswith("http://"):
            kwargs["per_call_policies"] = [AllowPlainHttp()]
        return client_class(
            endpoint=endpoint, credential=credential, connection_verify=os.environ["AZURE_CA_BUNDLE"], **kwargs
        )
