// The words of the API that more than one program uses, exactly as they stand in objects.
#pragma once

#include <string_view>

namespace fumehood::api {

inline constexpr std::string_view kGroup = "fumehood.dev";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kApiVersion = "fumehood.dev/v1alpha1";
inline constexpr std::string_view kSandboxCommandKind = "SandboxCommand";
inline constexpr std::string_view kSandboxCommandPlural = "sandboxcommands";
inline constexpr std::string_view kSandboxExecutorKind = "SandboxExecutor";
inline constexpr std::string_view kSandboxExecutorPlural = "sandboxexecutors";

// An executor's Lease is named so, followed by the name of its node; the controllers' is kControllerLease.
inline constexpr std::string_view kExecutorLeasePrefix = "executor-";
inline constexpr std::string_view kControllerLease = "fumehood-controller";

// Selects the SandboxCommands that have no result yet. An object without a phase is one of them.
inline constexpr std::string_view kUnfinishedSelector =
    "status.phase!=Succeeded,status.phase!=Failed,status.phase!=TimedOut,status.phase!=Cancelled";

// Types of conditions of a SandboxCommand.
namespace condition {
inline constexpr std::string_view kScheduled = "Scheduled";
inline constexpr std::string_view kIsolated = "Isolated";
inline constexpr std::string_view kFinished = "Finished";    // True for every end
inline constexpr std::string_view kSucceeded = "Succeeded";  // absent until the end
// Of a SandboxExecutor.
inline constexpr std::string_view kReady = "Ready";
}  // namespace condition

namespace reason {
// Of Scheduled.
inline constexpr std::string_view kBound = "Bound";
inline constexpr std::string_view kQueued = "Queued";
inline constexpr std::string_view kQuotaExceeded = "QuotaExceeded";
inline constexpr std::string_view kNoExecutorAvailable = "NoExecutorAvailable";
inline constexpr std::string_view kRuntimeClassNotFound = "RuntimeClassNotFound";
inline constexpr std::string_view kImageNotFound = "ImageNotFound";
// Of Scheduled, after an attempt that came to nothing.
inline constexpr std::string_view kRejected = "Rejected";  // the executor could not run it
inline constexpr std::string_view kDraining = "Draining";  // the executor is ending
// Of Succeeded and Finished.
inline constexpr std::string_view kExitedZero = "ExitedZero";
inline constexpr std::string_view kExitedNonZero = "ExitedNonZero";
inline constexpr std::string_view kSignaled = "Signaled";
inline constexpr std::string_view kOomKilled = "OOMKilled";
inline constexpr std::string_view kSandboxTerminated = "SandboxTerminated";
inline constexpr std::string_view kDeadlineExceeded = "DeadlineExceeded";
inline constexpr std::string_view kCancelled = "Cancelled";
inline constexpr std::string_view kCommandNotFound = "CommandNotFound";
inline constexpr std::string_view kRepositoryUnavailable = "RepositoryUnavailable";
inline constexpr std::string_view kInvalidSpec = "InvalidSpec";
inline constexpr std::string_view kExecutorLost = "ExecutorLost";  // of Scheduled too
// Of Isolated.
inline constexpr std::string_view kSandboxed = "Sandboxed";
inline constexpr std::string_view kNeverStarted = "NeverStarted";
// Of Ready.
inline constexpr std::string_view kServing = "Serving";
inline constexpr std::string_view kNoUsableImage = "NoUsableImage";
inline constexpr std::string_view kNoSandbox = "NoSandbox";
inline constexpr std::string_view kLedgerUnavailable = "LedgerUnavailable";
}  // namespace reason

}  // namespace fumehood::api
