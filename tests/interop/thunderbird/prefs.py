"""The preferences of a throw-away profile: one account, quiet, and nothing leaves the machine."""

from typing import Final

from mx_core.mail_programs.mail_settings import MailSettings

_PLAIN_PASSWORD: Final = 3
_STARTTLS: Final = 2
_TLS: Final = 3

Preferences = dict[str, str | int | bool]


def quiet(trap_port: int) -> Preferences:
    """Return what keeps a run on this machine; all HTTP goes to *trap_port*.

    Remote settings are off only together with MOZ_REMOTE_SETTINGS_DEVTOOLS in the environment.
    """
    return {
        # nothing may leave: any HTTP(S) goes to a closed loopback port
        "network.proxy.type": 1,
        "network.proxy.http": "127.0.0.1",
        "network.proxy.http_port": trap_port,
        "network.proxy.ssl": "127.0.0.1",
        "network.proxy.ssl_port": trap_port,
        "network.proxy.no_proxies_on": "localhost, 127.0.0.1, ::1",
        "network.dns.disablePrefetch": True,
        "network.prefetch-next": False,
        "network.trr.mode": 5,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "network.manage-offline-status": False,
        "network.predictor.enabled": False,
        "network.speculative-connections.enabled": False,
        "network.http.speculative-parallel-limit": 0,
        # updates, telemetry, remote settings, block lists, add-ons
        "app.update.enabled": False,
        "app.update.auto": False,
        "app.update.disabledForTesting": True,
        "app.normandy.enabled": False,
        "app.shield.optoutstudies.enabled": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "datareporting.healthreport.uploadEnabled": False,
        "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
        "toolkit.telemetry.enabled": False,
        "toolkit.telemetry.server": "",
        "toolkit.telemetry.unified": False,
        "services.settings.server": "data:,#remote-settings-dummy/v1",
        "extensions.update.enabled": False,
        "extensions.getAddons.cache.enabled": False,
        "extensions.systemAddon.update.enabled": False,
        "extensions.blocklist.enabled": False,
        "extensions.autoDisableScopes": 15,
        "browser.safebrowsing.malware.enabled": False,
        "browser.safebrowsing.phishing.enabled": False,
        "security.OCSP.enabled": 0,
        "security.pki.crlite_mode": 0,
        "security.remote_settings.crlite_filters.enabled": False,
        "security.remote_settings.intermediates.enabled": False,
        "media.gmp-manager.updateEnabled": False,
        "media.gmp-provider.enabled": False,
        "geo.enabled": False,
        "browser.region.update.enabled": False,
        "browser.region.network.url": "",
        "dom.push.connection.enabled": False,
        # Thunderbird's own pages, banners, agents
        "mailnews.start_page.enabled": False,
        "mailnews.start_page.url": "about:blank",
        "mailnews.start_page_override.mstone": "ignore",
        "app.donation.eoy.version.viewed": 999,
        "mail.inappnotifications.enabled": False,
        "mail.chat.enabled": False,
        "mail.rights.override": True,
        "mail.rights.version": 1,
        "mail.spotlight.firstRunDone": True,
        "mail.winsearch.firstRunDone": True,
        "mail.shell.checkDefaultClient": False,
        "mail.provider.suppress_dialog_on_startup": True,
        "mail.provider.enabled": False,
        "mailnews.auto_config_url": "",
        "mailnews.mx_service_url": "",
        "mail.cloud_files.enabled": False,
        "calendar.timezone.local": "UTC",
        "mail.instrumentation.askUser": False,
        "mail.phishing.detection.enabled": False,
        "mail.biff.show_alert": False,
        "mail.biff.play_sound": False,
        "mail.biff.use_system_alert": False,
        "mail.compose.warned_about_customize_from": True,
        "mail.warn_on_send_accel_key": False,
        "mail.compose.attachment_reminder": False,
        "mail.compose.autosave": False,
        "mail.SpellCheckBeforeSend": False,
        "spellchecker.dictionary": "",
        "mail.spam.version": 1,
        "mailnews.database.global.indexer.enabled": False,
        "browser.dom.window.dump.enabled": True,
        "toolkit.startup.max_resumed_crashes": -1,
        "browser.sessionstore.resume_from_crash": False,
        "datareporting.policy.firstRunURL": "",
        # Marionette: port 0 = any free port, written to <profile>/MarionetteActivePort
        "marionette.port": 0,
        "remote.log.level": "Info",
    }


def account(settings: MailSettings, *, starttls: bool) -> Preferences:
    """Return one IMAP account with its submission server and identity."""
    server, smtp, identity = "mail.server.server1.", "mail.smtpserver.smtp1.", "mail.identity.id1."
    security = _STARTTLS if starttls else _TLS
    return {
        "mail.accountmanager.accounts": "account1",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.account.account1.server": "server1",
        "mail.account.account1.identities": "id1",
        server + "type": "imap",
        server + "hostname": settings.host,
        server + "port": settings.imap if starttls else settings.imap_tls,
        server + "userName": settings.username,
        server + "name": settings.address,
        server + "socketType": security,
        server + "authMethod": _PLAIN_PASSWORD,
        server + "login_at_startup": False,
        server + "check_new_mail": False,
        server + "timeout": 29,
        server + "using_subscription": True,
        identity + "useremail": settings.address,
        identity + "fullName": "Test User",
        identity + "valid": True,
        identity + "smtpServer": "smtp1",
        identity + "compose_html": False,
        identity + "attach_signature": False,
        "mail.smtpservers": "smtp1",
        "mail.smtp.defaultserver": "smtp1",
        smtp + "hostname": settings.host,
        smtp + "port": settings.smtp if starttls else settings.smtp_tls,
        smtp + "username": settings.username,
        smtp + "try_ssl": security,
        smtp + "authMethod": _PLAIN_PASSWORD,
        smtp + "hello_argument": "",
    }
