#!/usr/bin/env python3
"""Writes tests/unit/aws/endpoint_golden.txt: the hosts that botocore's endpoint rules give.

    tests/tools/make_endpoint_golden.py > tests/unit/aws/endpoint_golden.txt

A line is service, region, FIPS, dual-stack, URL. Needs tests/requirements.txt.
"""

from botocore.endpoint_provider import EndpointProvider
from botocore.loaders import create_loader

SERVICES = {"dynamodb": "dynamodb", "ses": "sesv2", "sts": "sts"}
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-7", "il-central-1", "mx-central-1", "cn-north-1", "cn-northwest-1",
           "us-gov-west-1", "us-gov-east-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1",
           "us-isof-south-1", "xx-new-9")

loader = create_loader()
partitions = loader.load_data("partitions")
for name, model in SERVICES.items():
    rules = loader.load_service_model(model, "endpoint-rule-set-1")
    provider = EndpointProvider(rules, partitions)
    for region in REGIONS:
        for fips in (False, True):
            for dual in (False, True):
                url = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual).url
                print(name, region, int(fips), int(dual), url)
