#include "lib/sandbox/images.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

namespace fumehood::sandbox {

namespace {

namespace fs = std::filesystem;

bool IsImageName(std::string_view name) {
  constexpr size_t kMaxLength = 63;
  constexpr auto is_letter_or_digit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= kMaxLength && is_letter_or_digit(name.front()) &&
         is_letter_or_digit(name.back()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; });
}

// Why the directory can't be an image; empty when it can.
std::string WhyUnusable(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) return "it is not a directory";
  const bool is_empty = fs::is_empty(directory, error);
  if (error) return fmt::format("it can't be read: {}", error.message());
  if (is_empty) return "the directory is empty; unpack a root file system into it";
  return "";
}

// The overlay's options have no room for some characters.
Status FitsIntoOptions(const fs::path& path) {
  if (path.is_absolute() && path.string().find_first_of(":,\\\n") == std::string::npos) return {};
  return Fail(ErrorCode::kInvalid, "\"{}\": give an absolute path without colon, comma, backslash and newline",
              path.string());
}

Status MountImage(const fs::path& image, const fs::path& layer, const fs::path& target) {
  if (mkdir(target.c_str(), 0755) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("make \"{}\"", target.string()));
  }
  // Ours on top, so that whatever the image has at a mount point's path, it is a directory afterwards.
  const std::string options = fmt::format("lowerdir={}:{}", layer.string(), image.string());
  if (mount("overlay", target.c_str(), "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return FailErrno(errno,
                     "mount it as an overlay (the kernel must allow overlayfs on the images folder's file "
                     "system; at most two overlays lie on one another)");
  }
  return {};
}

}  // namespace

Result<Images> Images::Open(const ImageSource& source, const fs::path& layer, const fs::path& mounts) {
  Images images;
  if (const auto* folder = std::get_if<ImagesFolder>(&source)) {
    if (Status added = images.AddFolder(folder->path, layer, mounts); !added) return Forward(std::move(added));
  } else if (const auto* directory = std::get_if<ImageDirectory>(&source)) {
    if (Status added = images.Add("default", directory->path, layer, mounts); !added) {
      return Wrap(std::move(added).error(), fmt::format("use \"{}\" as the image", directory->path.string()));
    }
  } else {
    auto tools = HostTools::Open(layer);
    if (!tools) return Forward(std::move(tools));
    images.host_tools_ = std::move(*tools);
    images.offered_.emplace("host", Image{.root = layer, .mount = {}});
  }
  return images;
}

Status Images::AddFolder(const fs::path& folder, const fs::path& layer, const fs::path& mounts) {
  if (Status fits = FitsIntoOptions(folder); !fits) return Wrap(std::move(fits).error(), "read the images folder");
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) return FailErrno(error.value(), fmt::format("read the images folder \"{}\"", folder.string()));
  for (; entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (!IsImageName(name)) {
      refused_.push_back({.name = name,
                          .reason =
                              "an image's name consists of lower case letters, digits, '-' and '.', begins and ends "
                              "with a letter or digit, and has at most 63 characters"});
    } else if (Status added = Add(name, entries->path(), layer, mounts); !added) {
      refused_.push_back({.name = name, .reason = std::move(added.error().message)});
    }
  }
  if (error) return FailErrno(error.value(), fmt::format("read the images folder \"{}\"", folder.string()));
  std::ranges::sort(refused_, {}, &Refused::name);
  return {};
}

Status Images::Add(const std::string& name, const fs::path& directory, const fs::path& layer, const fs::path& mounts) {
  if (Status fits = FitsIntoOptions(directory); !fits) return fits;
  if (std::string reason = WhyUnusable(directory); !reason.empty()) return Fail(ErrorCode::kInvalid, "{}", reason);
  fs::path root = mounts / name;
  if (Status mounted = MountImage(directory, layer, root); !mounted) return mounted;
  MountPoint mount(root);
  offered_.emplace(name, Image{.root = std::move(root), .mount = std::move(mount)});
  return {};
}

const fs::path* Images::Find(const std::string& name) const {
  const auto found = offered_.find(name);
  return found == offered_.end() ? nullptr : &found->second.root;
}

std::vector<std::string> Images::names() const {
  std::vector<std::string> names;
  for (const auto& [name, image] : offered_) names.push_back(name);
  return names;
}

}  // namespace fumehood::sandbox
