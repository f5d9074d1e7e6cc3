"""The processes of the platform: how each is run, with which settings, after which others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lcm_simulators.embedded.database import DatabaseServer
from lcm_simulators.embedded.etcd import EtcdServer
from lcm_simulators.embedded.moto import MotoServer
from lcm_simulators.embedded.process import EmbeddedServer
from lcm_simulators.supervisor.ports import Ports
from lcm_simulators.supervisor.spec import ProcessSpec, PythonModule, ServiceProcess

REALM = "lablet-cloud-manager"
CONTROLLERS = ("resource-scheduler", "worker-controller", "lablet-controller")
_HOST = "127.0.0.1"
_FLEET_SECRETS = ("LCM_CML_PASSWORD", "LCM_CML_LICENSE_TOKEN")


@dataclass(frozen=True)
class PlatformSettings:
    """What a plan is made from.

    ``environment`` is the user's own (shell and ``.env.local``); an address given there replaces the embedded stand-in.
    ``network`` is the loopback /16 that simulated instances get their addresses from. ``durable`` False skips fsync.
    ``replicas`` holds the ports of each further replica of the control plane and the controllers.
    """

    data_dir: Path
    ports: Ports
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    clock_file: Path
    clock_factor: float = 1.0
    boot_scale: float = 1.0
    network: str = "127.20"
    durable: bool = True
    replicas: tuple[Ports, ...] = ()

    def address(self, setting: str, port_name: str, scheme: str = "http://") -> str:
        """The configured address, else that of the embedded stand-in."""
        return self.environment.get(setting) or f"{scheme}{_HOST}:{getattr(self.ports, port_name)}"

    def secret(self, name: str) -> str:
        """The configured secret, else the one generated for this data folder."""
        return self.environment.get(name) or self.secrets[name]

    def embedded(self, setting: str) -> bool:
        """Whether the embedded stand-in is to run: yes, unless its address is configured."""
        return not self.environment.get(setting)


def _logs(settings: PlatformSettings, name: str) -> Path:
    return settings.data_dir / "logs" / f"{name}.log"


def _database_uri(settings: PlatformSettings) -> str:
    return (
        settings.environment.get("MONGODB_URI") or f"mongodb://{_HOST}:{settings.ports.database}/?directConnection=true"
    )


def shared_environment(settings: PlatformSettings) -> dict[str, str]:
    """Settings that every process of the platform gets."""
    return {
        "LCM_DATA_DIR": str(settings.data_dir),
        "LCM_CLOCK_FILE": str(settings.clock_file),
        "LCM_ETCD_ENDPOINTS": settings.address("LCM_ETCD_ENDPOINTS", "etcd", scheme=""),
        "LCM_CONTROL_PLANE_URL": settings.address("LCM_CONTROL_PLANE_URL", "control_plane"),
        "LCM_AWS_ENDPOINT": settings.address("LCM_AWS_ENDPOINT", "ec2"),
        "LCM_LDS_URL": settings.address("LCM_LDS_URL", "lds"),
        "LCM_GRADING_URL": settings.address("LCM_GRADING_URL", "grading"),
        "LCM_CML_CA_BUNDLE": settings.environment.get("LCM_CML_CA_BUNDLE") or str(settings.data_dir / "cml/ca/ca.pem"),
        "KEYCLOAK_URL": settings.address("KEYCLOAK_URL", "identity"),
        "KEYCLOAK_REALM": settings.environment.get("KEYCLOAK_REALM") or REALM,
        **{name: settings.secret(name) for name in ("LCM_CLOUDEVENTS_SECRET", "LCM_LDS_PASSWORD", "LCM_GRADING_TOKEN")},
        # The AWS SDK refuses to sign without any key; the embedded EC2 world accepts this one.
        "AWS_ACCESS_KEY_ID": settings.environment.get("AWS_ACCESS_KEY_ID") or "testing",
        "AWS_SECRET_ACCESS_KEY": settings.environment.get("AWS_SECRET_ACCESS_KEY") or "testing",
        # Where several lablet controllers run, whatever spreads the events over them.
        "LCM_EVENTS_URL": settings.environment.get("LCM_EVENTS_URL")
        or f"http://{_HOST}:{settings.ports.lablet_controller}/events",
    }


def _backing(settings: PlatformSettings) -> list[ProcessSpec]:
    """etcd, the database and the AWS API, those of them that are embedded."""
    ports, data = settings.ports, settings.data_dir
    specs: list[ProcessSpec] = []

    def add(setting: str, name: str, make: Callable[[], EmbeddedServer], url: str) -> None:
        if settings.embedded(setting):
            specs.append(ProcessSpec(name, make, url=url))

    add(
        "LCM_ETCD_ENDPOINTS",
        "etcd",
        lambda: EtcdServer(
            data / "etcd",
            port=ports.etcd,
            peer_port=ports.etcd_peer,
            durable=settings.durable,
            log_file=_logs(settings, "etcd"),
        ),
        f"http://{_HOST}:{ports.etcd}",
    )
    add(
        "MONGODB_URI",
        "database",
        lambda: DatabaseServer(data / "database", port=ports.database, log_file=_logs(settings, "database")),
        _database_uri(settings),
    )
    add(
        "LCM_AWS_ENDPOINT",
        "moto",
        lambda: MotoServer(data / "moto", port=ports.moto, log_file=_logs(settings, "moto")),
        f"http://{_HOST}:{ports.moto}",
    )
    return specs


def _python(
    settings: PlatformSettings,
    name: str,
    module: str,
    port: int,
    health: str,
    environment: Mapping[str, str],
    needs: tuple[str, ...],
) -> ProcessSpec:
    described = PythonModule(name, module, port, health, {**settings.environment, **environment})
    return ProcessSpec(
        name,
        lambda: ServiceProcess(described, settings.data_dir),
        needs=needs,
        url=f"http://{_HOST}:{port}",
        health_path=health,
    )


def _simulators(settings: PlatformSettings, shared: Mapping[str, str]) -> list[ProcessSpec]:
    """The stand-ins of the outside world whose real address is not configured."""
    ports = settings.ports
    scale = {"LCM_SIM_BOOT_SCALE": f"{settings.boot_scale:g}", "LCM_SIM_CLOCK_FACTOR": f"{settings.clock_factor:g}"}
    own = {
        "identity": ("KEYCLOAK_URL", ports.identity, ()),
        "cml": ("LCM_AWS_ENDPOINT", ports.cml, ()),
        "ec2": ("LCM_AWS_ENDPOINT", ports.ec2, ("moto", "cml")),
        "lds": ("LCM_LDS_URL", ports.lds, ()),
        "grading": ("LCM_GRADING_URL", ports.grading, ()),
    }
    specs: list[ProcessSpec] = []
    for name, (setting, port, needs) in own.items():
        if not settings.embedded(setting):
            continue
        environment = {**shared, **scale, f"LCM_{name.upper()}_PORT": str(port)}
        environment["LCM_SIM_DATA_DIR"] = str(settings.data_dir / name)
        if name == "ec2":
            environment["LCM_MOTO_URL"] = f"http://{_HOST}:{ports.moto}"
            environment["LCM_CML_URL"] = f"http://{_HOST}:{ports.cml}"
            environment["LCM_EC2_NETWORK"] = settings.network
            environment |= {name: settings.secret(name) for name in _FLEET_SECRETS}
        specs.append(_python(settings, name, f"lcm_simulators.{name}", port, "/health", environment, needs))
    return specs


def _replicas(settings: PlatformSettings, service: str) -> list[tuple[str, int]]:
    """Name and port of each replica of a service; the first one bears the service's own name."""
    everywhere = enumerate((settings.ports, *settings.replicas), start=1)
    field = service.replace("-", "_")
    return [(service if number == 1 else f"{service}-{number}", getattr(ports, field)) for number, ports in everywhere]


def _control_planes(settings: PlatformSettings, shared: Mapping[str, str], needs: tuple[str, ...]) -> list[ProcessSpec]:
    specs: list[ProcessSpec] = []
    for name, port in _replicas(settings, "control-plane"):
        environment = {
            **shared,
            "APP_HOST": settings.environment.get("APP_HOST") or _HOST,
            "APP_PORT": str(port),
            "MONGODB_URI": _database_uri(settings),
            **{secret: settings.secret(secret) for secret in ("JWT_SECRET_KEY", "LCM_ENVELOPE_KEY", *_FLEET_SECRETS)},
        }
        specs.append(_python(settings, name, "control_plane_api", port, "/health/ready", environment, needs))
    return specs


def _controllers(settings: PlatformSettings, shared: Mapping[str, str], needs: tuple[str, ...]) -> list[ProcessSpec]:
    specs: list[ProcessSpec] = []
    for service in CONTROLLERS:
        for name, port in _replicas(settings, service):
            environment = {
                **shared,
                "LCM_ADMIN_PORT": str(port),
                "LCM_CLIENT_ID": f"lcm-{service}",
                "LCM_CLIENT_SECRET": f"lcm-{service}-dev-secret",
            }
            module = service.replace("-", "_")
            specs.append(_python(settings, name, module, port, "/health/ready", environment, needs))
    return specs


def platform_plan(settings: PlatformSettings) -> list[ProcessSpec]:
    """Every process of ``make run``, embedded stand-ins only where nothing real is configured."""
    shared = shared_environment(settings)
    backing = _backing(settings)
    simulators = _simulators(settings, shared)
    present = {spec.name for spec in [*backing, *simulators]}
    stores = tuple(name for name in ("etcd", "database", "identity") if name in present)
    planes = _control_planes(settings, shared, stores)
    return [*backing, *simulators, *planes, *_controllers(settings, shared, ("control-plane",))]
