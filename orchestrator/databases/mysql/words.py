"""The allow-list of the journal for MySQL and MariaDB: functions without effects, and known settings."""

import re

SETTINGS = (
    "foreign_key_checks",
    "unique_checks",
    "check_constraint_checks",
    "sql_mode",
    "time_zone",
    "sql_safe_updates",
    "sql_notes",
    "sql_quote_show_create",
    "default_storage_engine",
    "character_set_client",
    "character_set_connection",
    "character_set_results",
    "collation_connection",
    "group_concat_max_len",
    "sql_require_primary_key",
    "sql_generate_invisible_primary_key",
    "explicit_defaults_for_timestamp",
    "innodb_strict_mode",
    "alter_algorithm",
    "div_precision_increment",
    "max_statement_time",
    "max_execution_time",
    "lock_wait_timeout",
    "innodb_lock_wait_timeout",
    "wait_timeout",
)
"""Session variables that a revision may set to a constant: `RecordedSession.state` tells their values."""

_FUNCTIONS = """
abs acos adddate addtime ascii asin atan atan2 avg bin bit_and bit_count bit_length bit_or bit_xor cast ceil ceiling
char char_length character_length coalesce concat concat_ws conv convert cos cot count crc32 cume_dist curdate
current_date current_time current_timestamp curtime database date date_add date_format date_sub datediff day dayname
dayofmonth dayofweek dayofyear degrees dense_rank elt exp extract field find_in_set first_value floor format
from_base64 from_days from_unixtime greatest group_concat hex hour if ifnull inet_aton inet_ntoa inet6_aton inet6_ntoa
instr isnull lag last_day last_value last_insert_id lcase lead least left length ln localtime localtimestamp locate
log log10 log2 lower lpad ltrim makedate maketime max md5 microsecond mid min minute mod month monthname now nth_value
ntile nullif nvl nvl2 oct octet_length ord percent_rank period_add period_diff pi position pow power quarter radians
rand rank regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right round row_number rpad
rtrim schema sec_to_time second sha sha1 sha2 sign sin soundex space sqrt std stddev stddev_pop stddev_samp
str_to_date strcmp subdate substr substring substring_index subtime sum sysdate tan time time_format time_to_sec
timediff timestamp timestampadd timestampdiff to_base64 to_days to_seconds trim truncate ucase unhex unix_timestamp
upper utc_date utc_time utc_timestamp uuid uuid_to_bin bin_to_uuid is_uuid var_pop var_samp variance version week
weekday weekofyear weight_string year yearweek row_count found_rows json_array json_array_append json_array_insert
json_arrayagg json_compact json_contains json_contains_path json_depth json_detailed json_exists json_extract
json_insert json_keys json_length json_loose json_merge json_merge_patch json_merge_preserve json_object
json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace json_search json_set
json_table json_type json_unquote json_valid json_value column_get column_create nvarchar
"""
_NO_CALLS = """
in values value and or not xor as on using from join where having select exists any all some over partition by when
then else case end union except intersect distinct between like rlike regexp interval is div limit index key primary
ignore force use set into binary decimal numeric dec varchar nchar varbinary integer int signed unsigned float double
real datetime bit national row rows columns range against match collate lateral order group offset return returning
update
"""
_HARMLESS = frozenset((_FUNCTIONS + _NO_CALLS).split())
_BEFORE_PARENTHESIS = re.compile(r"(\.\s*+)?(?<![\w$])([`\"']_*+|[\w$]++)\s*+\(")
_WORD_OR_OPERATOR = r"(?:[`\"]_*|[\w$]+)"
_INSERT_INTO = re.compile(
    rf"(?:insert|replace)\s+(?:(?:low_priority|high_priority|ignore)\s+)*(?:into\s+)?{_WORD_OR_OPERATOR}"
    rf"(?:\s*\.\s*{_WORD_OR_OPERATOR})?\s*(?:\([^()]*\))?"
)
_CTE_HEAD = re.compile(rf"(?:\bwith\s+(?:recursive\s+)?|,\s*)({_WORD_OR_OPERATOR})\s*\([^()]*\)\s*as\s*\(")


def harmless_calls(words: str) -> bool:
    """Return whether a bare statement calls only built-in functions without effects."""
    head = _INSERT_INTO.match(words)
    rest = words[head.end() :] if head else _CTE_HEAD.sub(" as (", words)
    return all(not qualified and word in _HARMLESS for qualified, word in _BEFORE_PARENTHESIS.findall(rest))
