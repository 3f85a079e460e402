"""What holds for all tests."""

import os

os.environ["AGENTSPEC_CACHE"] = "off"  # what somebody's cache holds is not what is tested
