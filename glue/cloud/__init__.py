"""The cloud: the stack and its nightly run, with crawl, container steps, operation and cost."""
