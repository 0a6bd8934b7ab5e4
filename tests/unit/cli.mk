# parts of the command line that are tested in process; the library has no cli/
$(BUILD)/tests/unit/test_cli_text: $(BUILD)/service/cli/output.o $(BUILD)/service/cli/moment.o \
    $(BUILD)/service/cli/progress.o
$(BUILD)/tests/unit/test_cutter: $(BUILD)/service/cli/cutter.o
