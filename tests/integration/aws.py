"""A stand-in for AWS (moto) for tests: one server a test session, on a free loopback port, which verifies signatures."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import botocore.session

from children import end, free_port, start

REGION = "eu-west-1"


class StandIn:
    """What stands in for AWS at `url`, for those who have `keys`."""

    @property
    def settings(self):
        """The variables with which reviewd uses it."""
        return self.settings_for(self.url)

    def settings_for(self, url):
        """With `url` in front of the server: a proxy that makes faults, or another stand-in."""
        return {"AWS_ENDPOINT_URL": url, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": self.keys[0],
                "AWS_SECRET_ACCESS_KEY": self.keys[1], "AWS_EC2_METADATA_DISABLED": "true"}

    def settings_of(self, service):
        """For that service alone, whatever stands in for the others."""
        settings = self.settings
        settings[f"AWS_ENDPOINT_URL_{service.upper()}"] = settings.pop("AWS_ENDPOINT_URL")
        return settings

    def client(self, service, url=None):
        """AWS's own client for it."""
        session = botocore.session.Session()
        return session.create_client(service, region_name=REGION, endpoint_url=url or self.url,
                                     aws_access_key_id=self.keys[0], aws_secret_access_key=self.keys[1])


class Aws(StandIn):
    """A moto server."""

    def __init__(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # The first calls are free, so that a user can be made; verify() ends that.
        env = os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": "1000000"}
        self.server = start(
            [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)],
            env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=5):
                break
            time.sleep(0.05)
        self.keys = ("AKIDEXAMPLE", "secret")
        self.keys = self._make_user()
        self.verify()

    @contextlib.contextmanager
    def stalled(self):
        """In the meantime it answers nothing, and connections to it are not refused either."""
        self.server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.server.send_signal(signal.SIGCONT)

    def _make_user(self, actions="*"):
        iam = self.client("iam")
        name = f"user{time.monotonic_ns()}"
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def role_settings(self, folder, secret=None):
        """Variables of a profile whose role a user of all rights assumes; its files are made in `folder`. With another
        `secret` that user's signature is wrong."""
        name = f"role{time.monotonic_ns()}"
        trust = {"Version": "2012-10-17",
                 "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam = self.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        config, keys = folder / "config", folder / "credentials"
        config.write_text(f"[profile {name}]\nrole_arn = {role['Arn']}\nsource_profile = user\n", encoding="ascii")
        keys.write_text(f"[user]\naws_access_key_id = {self.keys[0]}\n"
                        f"aws_secret_access_key = {secret or self.keys[1]}\n", encoding="ascii")
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_PROFILE": name, "AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(keys)}

    def user_settings(self, actions):
        """Variables of a user who may do no more than `actions` (a list such as ["dynamodb:PutItem"])."""
        key, secret = self._make_user(actions)
        return self.settings | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

    def verify(self, free_calls=0):
        """From now on every request must be signed by a user who may make it, after so many free ones."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=str(free_calls).encode(),
                                         headers={"Content-Type": "text/plain"}, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()

    def stop(self):
        end(self.server)
