-- Prosody (0.12 or later) of the campus. Words between @ signs are filled in at start; loopback only.
pidfile = "@DIR@/prosody/prosody.pid"
data_path = "@DIR@/prosody/data"
certificates = "@DIR@/tls"
log = { info = "@DIR@/log/prosody.log" }

interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }
c2s_ports = { @C2S_PORT@ }
c2s_direct_tls_ports = { @C2S_DIRECT_PORT@ }
http_ports = { @HTTP_PORT@ }
http_interfaces = { "127.0.0.1" }
https_ports = { @HTTPS_PORT@ }
https_interfaces = { "127.0.0.1" }
proxy65_ports = { @PROXY65_PORT@ }
proxy65_interfaces = { "127.0.0.1" }

modules_enabled = {
  -- the core of RFC 6120 and 6121
  "disco", "roster", "saslauth", "tls", "presence", "message", "iq", "offline", "blocklist",
  -- several devices, bad networks, history
  "carbons", "csi", "csi_simple", "mam", "smacks", "limits",
  -- what a person shows
  "bookmarks", "pep", "private", "vcard4", "vcard_legacy",
  -- small services
  "lastactivity", "ping", "time", "uptime", "version", "register", "register_ibr", "admin_adhoc", "announce",
  "server_contact_info", "external_services", "turn_external",
  -- over HTTP
  "http", "websocket", "bosh",
}
modules_disabled = { "s2s" } -- one campus: nothing leaves this machine

authentication = "internal_hashed"
allow_registration = true
admins = { "alice@campus.test" }
c2s_require_encryption = true
c2s_stanza_size_limit = @STANZA_BYTES@
disable_sasl_mechanisms = { @REFUSED_MECHANISMS@ }
storage = "internal"

default_archive_policy = true
archive_expires_after = "never"
max_archive_query_results = 50

smacks_hibernation_time = 120
smacks_max_unacked_stanzas = 5
smacks_max_queue_size = 500
limits = { c2s = { rate = "10mb/s", burst = "2s" } }

ssl = { key = "@DIR@/tls/prosody.key", certificate = "@DIR@/tls/prosody.pem" }
c2s_direct_tls_ssl = { key = "@DIR@/tls/prosody.key", certificate = "@DIR@/tls/prosody.pem" }
https_ssl = { key = "@DIR@/tls/prosody.key", certificate = "@DIR@/tls/prosody.pem" }
http_default_host = "campus.test"

contact_info = {
  admin = { "mailto:root@campus.test", "xmpp:alice@campus.test" },
  support = { "xmpp:bob@campus.test" },
}
turn_external_host = "turn.campus.test"
turn_external_secret = "campus-turn"

VirtualHost "campus.test"
  disco_items = {
    { "conference.campus.test", "Campus rooms" },
    { "upload.campus.test", "File upload" },
    { "proxy.campus.test", "SOCKS5 proxy" },
  }

Component "conference.campus.test" "muc"
  name = "Campus rooms"
  modules_enabled = { "muc_mam" }
  muc_log_by_default = true
  muc_log_presences = false
  max_history_messages = 20
  restrict_room_creation = false

-- XEP-0363: the addresses handed out are https, with the certificate of the campus
Component "upload.campus.test" "http_file_share"
  http_host = "campus.test"
  http_external_url = "https://127.0.0.1:@HTTPS_PORT@/"
  http_file_share_size_limit = @UPLOAD_LIMIT@
  http_file_share_access = { "campus.test" }

Component "proxy.campus.test" "proxy65"
  proxy65_address = "127.0.0.1"
  proxy65_acl = { "campus.test" }
