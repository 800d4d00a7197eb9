"""Parameters of databases: at most 20 per request; static ones change only with a reboot."""

from __future__ import annotations

import re
from typing import Any

from moto.core.responses import ActionResult
from moto.rds.models import RDSBackend
from moto.rds.responses import RDSResponse

import embedded_aws.services.rds.groups  # noqa: F401 - its patches have to be the inner ones
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

MAX_PARAMETERS = 20  # per request
# Modifiable parameters that MySQL reads only at its start; RDS calls them static.
# https://dev.mysql.com/doc/refman/8.4/en/server-system-variable-reference.html ("Dynamic": No)
STATIC = frozenset(
    {
        *("back_log", "caching_sha2_password_digest_rounds", "ft_max_word_len", "ft_min_word_len", "ft_stopword_file"),
        *("innodb_autoinc_lock_mode", "innodb_buffer_pool_instances", "innodb_dedicated_server"),
        *("innodb_ft_cache_size", "innodb_ft_max_token_size", "innodb_ft_min_token_size", "innodb_page_cleaners"),
        *("innodb_ft_sort_pll_degree", "innodb_ft_total_cache_size", "innodb_log_file_size", "innodb_numa_interleave"),
        *("innodb_purge_threads", "innodb_read_io_threads", "innodb_rollback_on_timeout", "innodb_sort_buffer_size"),
        *("innodb_sync_array_size", "innodb_write_io_threads", "lower_case_table_names", "max_digest_length"),
        *("ngram_token_size", "performance_schema", "skip_name_resolve", "table_open_cache_instances", "thread_stack"),
    }
)
SIZES = re.compile(r"performance_schema_\w+_(?:instances|classes|size|length)")
FAMILIES = ("mysql", "mariadb")


def is_static(family: str, name: str) -> bool:
    """Return whether a parameter changes only with a reboot."""
    return family.startswith(FAMILIES) and (name in STATIC or SIZES.fullmatch(name) is not None)


@patch(RDSBackend, "modify_db_parameter_group")
def modify_db_parameter_group(moto: Method, rds: Any, name: str, parameters: Any) -> Any:
    """Limit the number of parameters, and "use the immediate value with dynamic parameters only".

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBParameterGroup.html
    """
    (group,) = rds.describe_db_parameter_groups({"db_parameter_group_name": name})
    if len(parameters) > MAX_PARAMETERS:
        raise ServiceError(
            "InvalidParameterValue", f"A maximum of {MAX_PARAMETERS} parameters can be modified in a single request."
        )
    for parameter in parameters:
        immediate = parameter.get("ApplyMethod") == "immediate"
        if immediate and is_static(group.family, parameter["ParameterName"]):
            raise ServiceError("InvalidParameterCombination", "cannot use immediate apply method for static parameter")
    return moto(rds, name, parameters)


@patch(RDSResponse, "describe_db_parameters")
def describe_db_parameters(moto: Method, response: Any) -> Any:
    """Add the type of each parameter, and the static parameters that are not set, without their values.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Parameter.html (ApplyType)
    """
    name, source = response.params["DBParameterGroupName"], response.params.get("Source")
    (group,) = response.backend.describe_db_parameter_groups({"db_parameter_group_name": name})
    parameters = moto(response).result["Parameters"]
    names = [parameter["ParameterName"] for parameter in parameters]
    if source in (None, "engine-default") and group.family.startswith(FAMILIES):
        method = {"Source": "engine-default", "IsModifiable": True, "ApplyMethod": "pending-reboot"}
        parameters += [{"ParameterName": one, **method} for one in sorted(STATIC.difference(names, group.parameters))]
    kinds = {True: "static", False: "dynamic"}
    typed = [
        {
            **one,
            "ApplyType": kinds[is_static(group.family, one["ParameterName"])],
            "DataType": _data_type(str(one.get("ParameterValue", ""))),
            "Description": one["ParameterName"].replace("_", " "),
        }
        for one in parameters
    ]
    return ActionResult({"Parameters": typed})


def _data_type(value: str) -> str:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Parameter.html (DataType)."""
    return "boolean" if value in ("0", "1") else "integer" if value.isdecimal() else "string"
