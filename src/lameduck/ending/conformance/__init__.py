"""The conformance suite: recorded endings of a real kubelet, replayed through the flow.

`python -m lameduck.ending.conformance DIR`, or `make conformance GOLDEN=DIR`.
"""
