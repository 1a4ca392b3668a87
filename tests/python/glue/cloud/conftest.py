"""The template with its functions worked out, as a deploy of a shop would have it."""

import pytest

from glue.cloud.stack import FOLDER, parameters
from glue.settings import read_settings
from tests.python.glue.cloud.policies import ACCOUNT, Resolved
from tests.python.glue.conftest import CREDENTIALS

NAMES = CREDENTIALS | {
    "NEXT_BASKET_NAME": "shop",
    "NEXT_BASKET_ALERT_EMAIL": "nobody@example.com",
    "NEXT_BASKET_VPC": "vpc-1",
    "NEXT_BASKET_SUBNETS": "subnet-1,subnet-2",
}


@pytest.fixture(scope="session")
def template() -> Resolved:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glue.settings.account_id", lambda: ACCOUNT)
        patch.setattr("glue.cloud.stack.account_id", lambda: ACCOUNT)
        return Resolved(FOLDER / "template.yaml", parameters(read_settings(NAMES), "code/"))
