{{/*
The Deployment of a service. Argument:
  root, component, image (default: component), worker (only workers), values (those of the component: settings, resources)
  replicas   none: somebody else scales it
  env        settings of the service, a map
  ports      name → port; `metrics` is always there
  secrets    name → Secret, mounted at /secrets/<name>
  models     whether it reads models
  account    a service account of its own, whose token it gets
  priority   gateway, worker, shadow or batch
  stopSeconds     longest orderly stop
  startupSeconds  how long it may take until it is alive
  readySeconds    how long a new pod must be ready before an old one goes
*/}}
{{- define "frontier.deployment" -}}
{{- $root := .root }}
{{- $name := printf "%s-%s%s" (include "frontier.fullname" $root) .component (ternary (printf "-%s" .worker) "" (hasKey . "worker")) }}
{{- $env := dict "LOG_LEVEL" $root.Values.logLevel "NODE_ENV" "production" "STOP_TIMEOUT_MS" (mul .stopSeconds 1000) }}
{{- with $root.Values.tracingEndpoint }}{{ $_ := set $env "OTEL_EXPORTER_OTLP_ENDPOINT" . }}{{ end }}
{{- if .models }}{{ $env = merge $env (include "frontier.models.env" $root | fromYaml) }}{{ end }}
{{- $env = mergeOverwrite $env .env (.values.settings | default dict) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels: {{- include "frontier.labels" . | nindent 4 }}
spec:
  {{- if hasKey . "replicas" }}
  replicas: {{ .replicas }}
  {{- end }}
  minReadySeconds: {{ .readySeconds }}
  strategy:
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  selector:
    matchLabels: {{- include "frontier.selector" . | nindent 6 }}
  template:
    metadata:
      # Without the chart's version: an upgrade that changes nothing restarts nothing.
      labels: {{- include "frontier.selector" . | nindent 8 }}
      {{- if $root.Values.monitoring.scrapeAnnotations }}
      annotations: { prometheus.io/scrape: 'true', prometheus.io/port: '9464' }
      {{- end }}
    spec:
      serviceAccountName: {{ .account | default (include "frontier.fullname" $root) }}
      automountServiceAccountToken: {{ hasKey . "account" }}
      enableServiceLinks: false
      {{- if $root.Values.priorityClasses.enabled }}
      priorityClassName: {{ include "frontier.priorityClass" (dict "root" $root "class" .priority) }}
      {{- end }}
      # The orderly stop ends by itself; the kubelet's limit is for one that hangs.
      terminationGracePeriodSeconds: {{ add .stopSeconds 5 }}
      securityContext: {{- include "frontier.podSecurity" 65532 | nindent 8 }}
        {{- if or (dig "grpc" "" (.ports | default dict)) (dig "dispatch" "" (.ports | default dict)) }}
        # These ports lie where the kernel takes those of outgoing connections from: one may have it before we listen.
        sysctls: [{ name: net.ipv4.ip_local_reserved_ports, value: 50051-50052 }]
        {{- end }}
      {{- with .values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        - topologyKey: kubernetes.io/hostname
          maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "frontier.selector" . | nindent 14 }}
          matchLabelKeys: [pod-template-hash]
      {{- if .models }}
      {{- with include "frontier.models.init" $root }}
      initContainers: {{- . | nindent 8 }}
      {{- end }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "frontier.image" (dict "root" $root "component" (.image | default .component)) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          # Why it ended is then in `kubectl describe pod`.
          terminationMessagePolicy: FallbackToLogsOnError
          env: {{- include "frontier.env" $env | nindent 12 }}
            {{- with include "frontier.certificates.env" $root | trim }}{{ . | nindent 12 }}{{ end }}
          ports:
            {{- range $port, $number := .ports }}
            - { name: {{ $port }}, containerPort: {{ $number }} }
            {{- end }}
            - { name: metrics, containerPort: 9464 }
          # Alive is not ready: it answers while it loads models, and while what it depends on is away.
          startupProbe:
            httpGet: { path: /healthz, port: metrics }
            periodSeconds: 1
            timeoutSeconds: 5
            failureThreshold: {{ .startupSeconds }}
          livenessProbe:
            httpGet: { path: /healthz, port: metrics }
            # For a process that hangs. One that is slow because its node is must not be restarted on top.
            periodSeconds: 10
            timeoutSeconds: 10
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /readyz, port: metrics }
            periodSeconds: 2
            timeoutSeconds: 5
            failureThreshold: 2
          resources: {{- toYaml .values.resources | nindent 12 }}
          securityContext: {{- include "frontier.containerSecurity" $root | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- range $secret, $_ := .secrets }}
            - name: {{ $secret }}
              mountPath: /secrets/{{ $secret }}
              readOnly: true
            {{- end }}
            {{- if .models }}{{- include "frontier.models.mounts" $root | nindent 12 }}{{- end }}
            {{- with include "frontier.certificates.mount" $root | trim }}{{ . | nindent 12 }}{{ end }}
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: 1Gi
        {{- range $secret, $from := .secrets }}
        - name: {{ $secret }}
          secret:
            secretName: {{ $from }}
            defaultMode: 0440
        {{- end }}
        {{- if .models }}{{- include "frontier.models.volumes" $root | nindent 8 }}{{- end }}
        {{- with include "frontier.certificates.volume" $root | trim }}{{ . | nindent 8 }}{{ end }}
{{- end }}
