{{/* Name of all objects: the release's, with `frontier` in it. */}}
{{- define "frontier.fullname" -}}
{{- if contains "frontier" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-frontier" (.Release.Name | trunc 31 | trimSuffix "-") }}{{ end }}
{{- end }}

{{/* Labels that select: (dict "root" $ "component" "gateway" "worker" "cpu"?) */}}
{{- define "frontier.selector" -}}
app.kubernetes.io/name: frontier
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .worker }}
frontier.dev/worker: {{ . }}
{{- end }}
{{- end }}

{{/* All labels, of the same argument. */}}
{{- define "frontier.labels" -}}
{{ include "frontier.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* An image of ours: (dict "root" $ "component" "gateway") */}}
{{- define "frontier.image" -}}
{{- with .root.Values.image }}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository }}/{{ $.component }}:{{ .tag | default $.root.Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* Which Secret a component's part is in: (dict "root" $ "of" "redis") with of = redis, postgresql or control. */}}
{{- define "frontier.secret" -}}
{{- (index .root.Values .of).existingSecret | default (printf "%s-%s-development" (include "frontier.fullname" .root) .of) }}
{{- end }}

{{/* Pools that have workers, gpu first: models that run on both prefer it. */}}
{{- define "frontier.pools" -}}
{{- $pools := list }}
{{- range .Values.workers }}{{ if .enabled }}{{ $pools = append $pools .pool }}{{ end }}{{ end }}
{{- $pools | uniq | sortAlpha | reverse | join "," }}
{{- end }}

{{/* Classes carry the namespace too: they belong to the whole cluster. (dict "root" $ "class" "gateway") */}}
{{- define "frontier.priorityClass" -}}
{{- printf "%s-%s-%s" .root.Release.Namespace (include "frontier.fullname" .root) .class }}
{{- end }}

{{/* Whether something else than the chart decides on a worker's replicas: (dict "root" $ "worker" values) */}}
{{- define "frontier.worker.autoscaled" -}}
{{- if and (ne .root.Values.autoscaling.mode "none") .worker.autoscaling }}true{{ end }}
{{- end }}

{{/* What restricted Pod Security asks of a pod; the argument is the user. */}}
{{- define "frontier.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* And of a container. */}}
{{- define "frontier.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* A map of settings as a list of variables. */}}
{{- define "frontier.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* How a container, and its pod, come by `trustedCertificates`. */}}
{{- define "frontier.certificates.env" -}}
{{- if .Values.trustedCertificates }}
- { name: NODE_EXTRA_CA_CERTS, value: /certificates/ca.crt }
{{- end }}
{{- end }}
{{- define "frontier.certificates.mount" -}}
{{- if .Values.trustedCertificates }}
- { name: certificates, mountPath: /certificates, readOnly: true }
{{- end }}
{{- end }}
{{- define "frontier.certificates.volume" -}}
{{- with .Values.trustedCertificates }}
- name: certificates
  configMap: { name: {{ . }}, items: [{ key: ca.crt, path: ca.crt }] }
{{- end }}
{{- end }}
