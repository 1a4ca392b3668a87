"""Command line of the raw zone and the cloud: python -m glue COMMAND."""

from ml.tools.lazy_commands import LazyCommands

main = LazyCommands(
    {
        "sample-shop": "glue.raw.sample_shop.commands",
        "ensure-raw": "glue.raw.sample_shop.commands",
        "complete-journey": "glue.raw.complete_journey",
        "draw": "glue.raw.draw",
        "profile": "glue.raw.profile",
        "upload": "glue.raw.upload",
        "crawl": "glue.cloud.crawl",
        "fix-serde": "glue.cloud.crawl",
        "verify": "glue.raw.verify",
        "deploy": "glue.cloud.stack",
        "destroy": "glue.cloud.stack",
        "start": "glue.cloud.runs",
        "retry": "glue.cloud.runs",
        "publish": "glue.cloud.runs",
        "fetch": "glue.cloud.live",
        "status": "glue.cloud.runs",
        "runs": "glue.cloud.runs_page",
        "logs": "glue.cloud.runs",
        "step": "glue.cloud.steps",
        "cost": "glue.cloud.cost",
        "env": "glue.cloud.environment",
    },
    help="Prepare the raw files, and run the cloud half.",
    context_settings={"show_default": True},
)

if __name__ == "__main__":
    main(prog_name="python -m glue")
