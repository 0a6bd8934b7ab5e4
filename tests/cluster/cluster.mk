# The cluster of docker/compose.scale.yaml, as processes on loopback: tests/cluster/cluster.py.
#   QUICK=1    one test of each kind, a minute and a half
CLUSTER_PACKAGES := python3 python3-pytest python3-yaml postgresql redis-server redis-sentinel haproxy openssl \
                    pgbouncer

.PHONY: test-cluster
test-cluster: test-deps all ## many nodes, one truth: edits, receipts and faults on a whole cluster (5 minutes)
	@service/install-packages --missing $(CLUSTER_PACKAGES)
	/usr/bin/python3 -m pytest -q -rs -s -p no:cacheprovider $(if $(QUICK),-m quick) tests/cluster
