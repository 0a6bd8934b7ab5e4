# The story of a campaign on generated data: tests/story/story.py.
.PHONY: story
story: test-deps all $(BUILD)/tests/story/generate ## the story of a campaign at full size: 10,000 tenants, 2,000,000 calls
	tests/story/story
