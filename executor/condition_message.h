#pragma once

#include <string>
#include <string_view>

namespace fumehood::executor {

// `text` as the message of a condition that the API server takes: UTF-8, and short. Parts of it may come from inside a
// sandbox or be as long as a command's arguments; a refused message would keep the whole result out of the object for
// ever. Of a long text the beginning and the end are kept: the reason stands at the end.
std::string ConditionMessage(std::string_view text);

}  // namespace fumehood::executor
