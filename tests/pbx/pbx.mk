# What tries the files of api/asterisk and api/kamailio against the real programs.
PBX_PACKAGES := python3 python3-pytest kamailio kamailio-utils-modules sip-tester

.PHONY: test-pbx
test-pbx: test-deps all ## the files for a PBX on a real Asterisk and Kamailio (root; first run installs them)
	@service/install-packages --missing $(PBX_PACKAGES)
	@tests/pbx/install
	/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/pbx
