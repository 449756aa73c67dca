{{/* Where models are, as settings of a service. */}}
{{- define "frontier.models.env" -}}
{{- with .Values.models }}
MODEL_REPOSITORY: {{ if eq .source "repository" }}{{ join "," .repository.urls }}{{ else }}/models{{ end }}
{{- if eq .source "repository" }}
MODEL_CACHE: /models-cache
{{- end }}
MODEL_REQUIRE_MANIFEST: {{ .requireManifest | quote }}
MODEL_REQUIRE_SIGNATURE: {{ .requireSignature | quote }}
{{- if .trustedKeys.files }}
MODEL_TRUSTED_KEYS: {{ range $i, $file := .trustedKeys.files }}{{ if $i }},{{ end }}/model-keys/{{ $file }}{{ end }}
{{- end }}
{{- if and (eq .source "repository") .repository.existingSecret }}
{{- $urls := join " " .repository.urls }}
{{- if contains "s3+http" $urls }}
MODEL_S3_ACCESS_KEY_ID_FILE: /secrets/models/s3-access-key-id
MODEL_S3_SECRET_ACCESS_KEY_FILE: /secrets/models/s3-secret-access-key
{{- end }}
{{- if contains "oci+http" $urls }}
MODEL_OCI_USERNAME_FILE: /secrets/models/oci-username
MODEL_OCI_PASSWORD_FILE: /secrets/models/oci-password
{{- end }}
{{- if .repository.encrypted }}
MODEL_ENCRYPTION_KEY: /secrets/models/encryption-key
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Mounts of a container that reads models. */}}
{{- define "frontier.models.mounts" -}}
{{- with .Values.models }}
{{- if eq .source "repository" }}
- name: models
  mountPath: /models-cache
{{- if .repository.existingSecret }}
- name: models-secret
  mountPath: /secrets/models
  readOnly: true
{{- end }}
{{- else }}
- name: models
  mountPath: /models
  readOnly: true
{{- end }}
{{- if .trustedKeys.configMap }}
- name: model-keys
  mountPath: /model-keys
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{- define "frontier.models.volumes" -}}
{{- with .Values.models }}
- name: models
{{- if eq .source "volume" }}
  persistentVolumeClaim:
    claimName: {{ .volume.existingClaim }}
    readOnly: true
{{- else }}
  emptyDir:
    sizeLimit: {{ .repository.cacheSize }}
{{- end }}
{{- if and (eq .source "repository") .repository.existingSecret }}
- name: models-secret
  secret:
    secretName: {{ .repository.existingSecret }}
    defaultMode: 0440
{{- end }}
{{- if .trustedKeys.configMap }}
- name: model-keys
  configMap:
    name: {{ .trustedKeys.configMap }}
{{- end }}
{{- end }}
{{- end }}

{{/* Before a service starts: copies the models of the image, verified, or looks whether there are any in the volume. */}}
{{- define "frontier.models.init" -}}
{{- $source := .Values.models.source }}
{{- if ne $source "repository" }}
{{- $copies := eq $source "image" }}
- name: {{ ternary "copy-models" "check-models" $copies }}
  image: {{ include "frontier.image" (dict "root" . "component" (ternary "models" "gateway" $copies)) }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- if $copies }}
  command: [/usr/local/bin/copy-models, /models-copy]
  {{- else }}
  # A gateway that knows no model would take the place of one that does.
  command:
    - /nodejs/bin/node
    - -e
    - |
      if (fs.globSync('/models/*/*/model.yaml').length === 0) {
        console.error('the claim {{ .Values.models.volume.existingClaim }} has no <name>/<version>/model.yaml: copy models into it');
        process.exit(1);
      }
  {{- end }}
  terminationMessagePolicy: FallbackToLogsOnError
  securityContext: {{- include "frontier.containerSecurity" . | nindent 4 }}
  resources:
    requests: { cpu: 50m, memory: 64Mi }
    limits: { memory: 256Mi }
  volumeMounts:
    - name: models
      mountPath: {{ ternary "/models-copy" "/models" $copies }}
{{- end }}
{{- end }}
