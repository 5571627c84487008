#include "config/load.h"

#include <algorithm>
#include <map>

#include "config/read_parts.h"
#include "config/toml_tree.h"

namespace sallyport::config {

namespace {

// One loading: the settings so far, and where each connection and each daemon and device key came from.
class Loading {
 public:
  explicit Loading(Loaded& out) : out_(&out) {}

  void read_file(const std::string& path, const std::string& text) {
    const size_t first_error = out_->errors.size();
    const Reading reading{path, &out_->errors};
    out_->files.push_back(path);
    auto parsed = parse_toml(text);
    if (const auto* error = std::get_if<TomlError>(&parsed)) {
      reading.refuse(error->line, "", error->sentence + ".");
      return;
    }
    const Node& tree = std::get<Node>(parsed);
    Section top(tree, "", reading, 1);
    if (const Node* node = top.find("daemon")) {
      Section section(*node, "daemon", reading, top.line_of("daemon"));
      refuse_repeated(section, path);
      read_daemon(section, out_->settings.daemon);
      section.finish();
    }
    if (const Node* node = top.find("device")) {
      Section section(*node, "device", reading, top.line_of("device"));
      refuse_repeated(section, path);
      read_device(section, out_->settings.device);
      section.finish();
    }
    if (const Node* node = top.find("connection")) read_connections(*node, reading, top.line_of("connection"));
    read_named(top, "main_mode", reading, read_main_mode);
    read_named(top, "quick_mode", reading, read_quick_mode);
    read_named(top, "tunnel", reading, read_tunnel);
    read_filters(top, reading);
    read_named(top, "dos_protection", reading, read_dos_protection);
    read_users(top, reading);
    if (const Node* node = top.find("certificates")) {
      Section section(*node, "certificates", reading, top.line_of("certificates"));
      refuse_repeated(section, path);
      read_certificates(section, out_->settings);
    }
    if (const Node* node = top.find("secure_sockets")) {
      Section section(*node, "secure_sockets", reading, top.line_of("secure_sockets"));
      refuse_repeated(section, path);
      read_secure_sockets(section, out_->settings);
    }
    top.finish();
    std::stable_sort(out_->errors.begin() + static_cast<ptrdiff_t>(first_error), out_->errors.end(),
                     [](const ConfigError& a, const ConfigError& b) { return a.line < b.line; });
  }

  const std::vector<Origin>& origins() const { return origins_; }
  const std::vector<Origin>& filter_origins() const { return filter_origins_; }

 private:
  void read_connections(const Node& node, const Reading& reading, uint32_t line) {
    if (node.kind != Node::Kind::table) {
      reading.refuse(line, "connection", "must be a table: write [connection.NAME].");
      return;
    }
    for (const Member& member : node.members) {
      const std::string path = "connection." + member.key;
      const auto known = std::find_if(out_->settings.connections.begin(), out_->settings.connections.end(),
                                      [&](const auto& c) { return c.name == member.key; });
      if (known != out_->settings.connections.end()) {
        const Origin& first = origins_[static_cast<size_t>(known - out_->settings.connections.begin())];
        reading.refuse(member.line, path,
                       "is already written in " + first.file + " line " + std::to_string(first.line) + ".");
        continue;
      }
      if (!valid_name(member.key)) {
        reading.refuse(member.line, path, "a name has 1 to 64 letters, digits, '-' or '_'.");
        continue;
      }
      Section section(member.value, path, reading, member.line);
      read_connection(section, member.key, out_->settings);
      origins_.push_back({reading.file, member.line});
    }
  }

  // [WORD.NAME] tables, each name once over all files.
  void read_named(Section& top, std::string_view word, const Reading& reading,
                  void (*read)(Section&, const std::string&, Settings&)) {
    const Node* node = top.find(word);
    if (node == nullptr) return;
    if (node->kind != Node::Kind::table)
      return reading.refuse(top.line_of(word), std::string(word),
                            "must be a table: write [" + std::string(word) + ".NAME].");
    for (const Member& member : node->members) {
      const std::string path = std::string(word) + "." + member.key;
      const auto [place, fresh] = seen_.emplace(path, Origin{reading.file, member.line});
      if (!fresh) {
        reading.refuse(
            member.line, path,
            "is already written in " + place->second.file + " line " + std::to_string(place->second.line) + ".");
      } else if (!valid_name(member.key)) {
        reading.refuse(member.line, path, "a name has 1 to 64 letters, digits, '-' or '_'.");
      } else {
        Section section(member.value, path, reading, member.line);
        read(section, member.key, out_->settings);
      }
    }
  }

  void read_filters(Section& top, const Reading& reading) {
    const Node* node = top.find("filter");
    if (node == nullptr) return;
    if (node->kind != Node::Kind::array)
      return reading.refuse(top.line_of("filter"), "filter", "must be a list of tables: write [[filter]].");
    for (size_t i = 0; i < node->items.size(); ++i) {
      const size_t before = out_->settings.filters.filters.size();
      Section section(node->items[i], "filter[" + std::to_string(i) + "]", reading, node->items[i].line);
      read_filter(section, out_->settings);
      if (out_->settings.filters.filters.size() != before)
        filter_origins_.push_back({reading.file, node->items[i].line});
    }
  }

  void read_users(Section& top, const Reading& reading) {
    const Node* node = top.find("user");
    if (node == nullptr) return;
    if (node->kind != Node::Kind::array)
      return reading.refuse(top.line_of("user"), "user", "must be a list of tables: write [[user]].");
    for (size_t i = 0; i < node->items.size(); ++i) {
      Section section(node->items[i], "user[" + std::to_string(i) + "]", reading, node->items[i].line);
      read_account_user(section, out_->settings);
    }
  }

  // A drop-in adds; what is set twice would be settled by the order of file names, which nobody means.
  void refuse_repeated(Section& section, const std::string& file) {
    for (const Member& member : section.node().members) {
      const auto [place, fresh] = seen_.emplace(section.path_of(member.key), Origin{file, member.line});
      if (!fresh) {
        section.refuse(member.key,
                       "is already set in " + place->second.file + " line " + std::to_string(place->second.line) + ".");
      }
    }
  }

  Loaded* out_;
  std::vector<Origin> origins_;
  std::vector<Origin> filter_origins_;  // of each filter kept
  std::map<std::string, Origin> seen_;
};

std::string sentence_for(Errc code) {
  if (code == Errc::not_found) return "there is no such file.";
  if (code == Errc::permission) return "may not be read: permission denied.";
  return "cannot be read: " + std::string(describe(code)) + ".";
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

bool is_drop_in(const std::string& name) {
  return name.size() > 5 && name.ends_with(".toml") && name.front() != '.' && name.find('/') == std::string::npos;
}

}  // namespace

std::string to_string(const ConfigError& error) {
  std::string out = error.file + ":";
  if (error.line != 0) out += std::to_string(error.line) + ":";
  if (!error.key.empty()) out += " " + error.key + ":";
  return out + " " + error.sentence;
}

Loaded load(FileSource& files, const std::string& path) {
  Loaded out;
  Loading loading(out);
  const auto text = files.read(path);
  if (!text) {
    out.errors.push_back({path, 0, "", sentence_for(text.error().code)});
    return out;
  }
  loading.read_file(path, *text);
  const std::string folder = folder_of(path) + "conf.d";
  auto names = files.list(folder);
  if (!names && names.error().code != Errc::not_found) {
    out.errors.push_back({folder, 0, "", sentence_for(names.error().code)});
  }
  if (names) {
    std::sort(names->begin(), names->end());
    for (const std::string& name : *names) {
      if (!is_drop_in(name)) continue;
      const std::string drop_in = folder + "/" + name;
      if (const auto more = files.read(drop_in)) {
        loading.read_file(drop_in, *more);
      } else {
        out.errors.push_back({drop_in, 0, "", sentence_for(more.error().code)});
      }
    }
  }
  finish_secure_sockets(out.settings);
  validate(out.settings, loading.origins(), {path, 0}, out.errors);
  validate_filters(out.settings, loading.filter_origins(), {path, 0}, out.errors);
  return out;
}

model::IkePolicySet to_policy(const Settings& settings) {
  model::IkePolicySet out;
  out.connections = settings.connections;
  for (const auto& files : settings.credentials) {
    out.credentials.push_back({files.name, files.kind, {}, model::KeyType::none});
  }
  for (const auto& files : settings.trust) out.trust.push_back({files.name, {}, {}});
  for (const auto& each : settings.users) {
    if (each.uid) out.users.push_back({*each.uid, each.user});
  }
  return out;
}

}  // namespace sallyport::config
