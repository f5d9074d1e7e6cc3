{{- define "lcm.labels" -}}
app.kubernetes.io/part-of: lablet-cloud-manager
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "lcm.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* Each service of the platform: name, values, port, image, client, secrets and settings of its own. */}}
{{- define "lcm.etcd" -}}
{{- if .Values.stores.etcd.bundled }}{{ .Release.Name }}-etcd:2379{{ else }}{{ .Values.stores.etcd.endpoints }}{{ end }}
{{- end }}

{{- define "lcm.environment" -}}
- { name: LCM_PRODUCTION, value: "true" }
- { name: LCM_LOG_LEVEL, value: {{ .Values.logLevel | quote }} }
- { name: LCM_ETCD_ENDPOINTS, value: {{ include "lcm.etcd" . | quote }} }
{{- if not .Values.stores.etcd.bundled }}
- { name: LCM_ETCD_USERNAME, value: {{ .Values.stores.etcd.username | quote }} }
- { name: LCM_ETCD_PASSWORD_FILE, value: /run/secrets/lcm/etcd_password }
{{- end }}
- { name: KEYCLOAK_URL, value: {{ .Values.identity.url | quote }} }
- { name: KEYCLOAK_URL_INTERNAL, value: {{ .Values.identity.internalUrl | quote }} }
- { name: KEYCLOAK_REALM, value: {{ .Values.identity.realm | quote }} }
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .Values.otlpEndpoint | quote }} }
- { name: LCM_SHARDS, value: {{ .Values.shards | quote }} }
- name: POD_IP
  valueFrom: { fieldRef: { fieldPath: status.podIP } }
{{- end }}

{{- define "lcm.pod" -}}
{{- $root := .root }}
metadata:
  labels:
    {{- include "lcm.labels" $root | nindent 4 }}
    {{- include "lcm.selector" . | nindent 4 }}
spec:
  serviceAccountName: {{ $root.Release.Name }}-{{ .name }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 30
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    fsGroup: 10001
    seccompProfile: { type: RuntimeDefault }
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector: { matchLabels: { app.kubernetes.io/name: {{ .name }}, app.kubernetes.io/instance: {{ $root.Release.Name }} } }
  containers:
    - name: {{ .name }}
      image: {{ $root.Values.image.registry }}{{ .image }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      ports:
        - { name: http, containerPort: {{ .port }} }
      env:
        {{- include "lcm.environment" $root | nindent 8 }}
        {{- range $name, $value := .settings }}
        - { name: {{ $name }}, value: {{ $value | quote }} }
        {{- end }}
        {{- range $name, $key := .secrets }}
        - { name: {{ $name }}_FILE, value: /run/secrets/lcm/{{ $key }} }
        {{- end }}
      startupProbe:
        httpGet: { path: /health/live, port: http }
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: { path: /health/live, port: http }
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: {{ .ready }}, port: http }
        timeoutSeconds: 5
      {{- if .drain }}
      lifecycle:
        # Balancers notice that the pod goes before it stops to listen.
        preStop: { exec: { command: [python, -c, "import time; time.sleep(5)"] } }
      {{- end }}
      resources: {{- toYaml .values.resources | nindent 8 }}
      volumeMounts:
        - { name: secrets, mountPath: /run/secrets/lcm, readOnly: true }
        - { name: tmp, mountPath: /tmp }
        {{- if and .cml $root.Values.outside.cmlCaConfigMap }}
        - { name: cml-ca, mountPath: /etc/lcm, readOnly: true }
        {{- end }}
  volumes:
    - name: secrets
      secret: { secretName: {{ $root.Values.secretName }} }
    - name: tmp
      emptyDir: {}
    {{- if and .cml $root.Values.outside.cmlCaConfigMap }}
    - name: cml-ca
      configMap: { name: {{ $root.Values.outside.cmlCaConfigMap }} }
    {{- end }}
{{- end }}

{{- define "lcm.service" -}}
{{- $root := .root }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $root.Release.Name }}-{{ .name }}
  labels: {{- include "lcm.labels" $root | nindent 4 }}
  {{- with .values.serviceAccountAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $root.Release.Name }}-{{ .name }}
  labels: {{- include "lcm.labels" $root | nindent 4 }}
spec:
  {{- if not (and .values.autoscaling .values.autoscaling.enabled) }}
  replicas: {{ .values.replicas }}
  {{- end }}
  strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
  selector:
    matchLabels: {{- include "lcm.selector" . | nindent 6 }}
  template: {{- include "lcm.pod" . | nindent 4 }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $root.Release.Name }}-{{ .name }}
  labels:
    {{- include "lcm.labels" $root | nindent 4 }}
    {{- include "lcm.selector" . | nindent 4 }}
spec:
  selector: {{- include "lcm.selector" . | nindent 4 }}
  ports:
    - { name: http, port: {{ .port }}, targetPort: http }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $root.Release.Name }}-{{ .name }}
  labels: {{- include "lcm.labels" $root | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "lcm.selector" . | nindent 6 }}
{{- if $root.Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $root.Release.Name }}-{{ .name }}
  labels: {{- include "lcm.labels" $root | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "lcm.selector" . | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - ports: [{ port: {{ .port }} }]
      from:
        - podSelector: { matchLabels: { app.kubernetes.io/part-of: lablet-cloud-manager } }
        - namespaceSelector: { matchLabels: {{ toJson $root.Values.networkPolicy.monitoringNamespace }} }
        {{- if .public }}
        - namespaceSelector: { matchLabels: {{ toJson $root.Values.networkPolicy.ingressNamespace }} }
        {{- end }}
{{- end }}
{{- if $root.Values.monitoring.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ $root.Release.Name }}-{{ .name }}
  labels: {{- include "lcm.labels" $root | nindent 4 }}
spec:
  # The alerts and dashboards know the services by these names.
  jobLabel: app.kubernetes.io/name
  selector:
    matchLabels: {{- include "lcm.selector" . | nindent 6 }}
  endpoints:
    - { port: http, path: /metrics, interval: 15s }
{{- end }}
{{- end }}
