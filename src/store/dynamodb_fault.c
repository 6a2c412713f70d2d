#include "dynamodb_fault.h"

const char *dynamodb_fault_name(enum dynamodb_fault fault)
{
    static const char *const names[DYNAMODB_FAULTS] = {
        [DYNAMODB_FAULT_THROTTLED] = "throttled", [DYNAMODB_FAULT_UNREACHABLE] = "unreachable",
        [DYNAMODB_FAULT_DEADLINE] = "deadline",   [DYNAMODB_FAULT_CREDENTIALS] = "credentials",
        [DYNAMODB_FAULT_TABLE] = "table",         [DYNAMODB_FAULT_SCHEMA] = "schema",
        [DYNAMODB_FAULT_DENIED] = "denied",       [DYNAMODB_FAULT_INVALID] = "invalid",
        [DYNAMODB_FAULT_REFUSED] = "refused",     [DYNAMODB_FAULT_ANSWER] = "answer",
        [DYNAMODB_FAULT_MEMORY] = "memory",       [DYNAMODB_FAULT_CLOSED] = "closed",
    };
    return names[fault];
}

static enum dynamodb_fault refusal(const char *code)
{
    if (errors_same_code(code, "ResourceNotFound") || errors_same_code(code, "TableNotFound")) {
        return DYNAMODB_FAULT_TABLE;
    }
    if (errors_same_code(code, "AccessDenied")) {
        return DYNAMODB_FAULT_DENIED;
    }
    return errors_same_code(code, "Validation") ||
                   errors_same_code(code, "ItemCollectionSizeLimitExceeded")
               ? DYNAMODB_FAULT_INVALID
               : DYNAMODB_FAULT_REFUSED;
}

enum dynamodb_fault dynamodb_fault_of(enum call_outcome outcome, const char *code)
{
    switch (outcome) {
    case CALL_THROTTLED:
        return DYNAMODB_FAULT_THROTTLED;
    case CALL_UNAVAILABLE:
        return DYNAMODB_FAULT_UNREACHABLE;
    case CALL_DEADLINE:
        return DYNAMODB_FAULT_DEADLINE;
    case CALL_NO_CREDENTIALS:
        return DYNAMODB_FAULT_CREDENTIALS;
    case CALL_CANCELLED:
        return DYNAMODB_FAULT_CLOSED;
    case CALL_INVALID:
        return DYNAMODB_FAULT_MEMORY;
    default:
        return refusal(code);
    }
}

const char *dynamodb_fault_remedy(enum dynamodb_fault fault)
{
    switch (fault) {
    case DYNAMODB_FAULT_CREDENTIALS:
        return "give the task, instance or profile a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID";
    case DYNAMODB_FAULT_TABLE:
        return "make it with `reviewd table create`, or correct TABLE_NAME or AWS_REGION";
    case DYNAMODB_FAULT_SCHEMA:
        return "its keys must be user_name and timestamp, both strings: see `reviewd check`";
    case DYNAMODB_FAULT_DENIED:
        return "allow the action that the message names in the role's policy";
    default:
        return "";
    }
}
