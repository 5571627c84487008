"""The laboratory of the network tests: hosts in namespaces, other daemons as peers, traffic and judges of the wire."""
