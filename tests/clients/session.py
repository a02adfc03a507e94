# What people do with Docker's SDK for Python: each step checks itself, and the last line says that all were done.
import io
import tarfile

import docker

client = docker.from_env()
assert client.ping()
assert client.version()['ApiVersion']
assert client.info()['Driver']

# Containers
assert client.containers.run('busybox', 'echo hello', remove=True) == b'hello\n'
try:
    client.containers.run('busybox', ['sh', '-c', 'echo broken >&2; exit 3'], remove=True, stderr=True)
    raise AssertionError('exit status 3 went unnoticed')
except docker.errors.ContainerError as error:
    assert error.exit_status == 3 and b'broken' in error.stderr
web = client.containers.run(
    'busybox',
    'httpd -f -p 80 -h /etc',
    detach=True,
    name='py-web',
    ports={'80/tcp': ('127.0.0.1', 18090)},
    environment={'COLOUR': 'blue'},
    labels={'team': 'sea'},
    mem_limit='64m',
    restart_policy={'Name': 'on-failure', 'MaximumRetryCount': 2},
)
web.reload()
assert web.status == 'running'
assert web.ports['80/tcp'] == [{'HostIp': '127.0.0.1', 'HostPort': '18090'}]
code, output = web.exec_run(['sh', '-c', 'echo $COLOUR; exit 4'])
assert (code, output) == (4, b'blue\n')
assert [found.name for found in client.containers.list(filters={'label': 'team=sea'})] == ['py-web']
assert web.stats(stream=False)['name'] == '/py-web'
assert web.top()['Processes']
web.rename('py-site')
web.reload()
assert web.name == 'py-site'
web.pause()
web.reload()
assert web.status == 'paused'
web.unpause()

# Files
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode='w') as tar:
    data = b'from outside'
    entry = tarfile.TarInfo('note')
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
assert web.put_archive('/tmp', archive.getvalue())
assert web.exec_run('cat /tmp/note').output == b'from outside'
stream, stat = web.get_archive('/tmp/note')
assert stat['name'] == 'note'
with tarfile.open(fileobj=io.BytesIO(b''.join(stream))) as tar:
    assert tar.extractfile('note').read() == b'from outside'
assert {'Path': '/tmp/note', 'Kind': 1} in web.diff()

# Networks
network = client.networks.create('py-net', driver='bridge', labels={'team': 'sea'})
network.connect(web, aliases=['site'])
network.reload()
assert [member.name for member in network.containers] == ['py-site']
answer = client.containers.run('busybox', 'wget -qO- http://site/hostname', network='py-net', remove=True)
assert answer.strip() == web.id[:12].encode()
network.disconnect(web)
network.remove()

# Volumes
volume = client.volumes.create('py-data', labels={'team': 'sea'})
client.containers.run('busybox', 'touch /data/kept', volumes={'py-data': {'bind': '/data', 'mode': 'rw'}}, remove=True)
listing = client.containers.run('busybox', 'ls /data', volumes={'py-data': {'bind': '/data', 'mode': 'ro'}}, remove=True)
assert listing == b'kept\n'
volume.remove()

# Logs, events, ends
talker = client.containers.run('busybox', ['sh', '-c', 'echo one; echo two >&2; sleep 600'], detach=True)
assert next(talker.logs(stream=True, stdout=True, stderr=False)) == b'one\n'
talker.stop(timeout=0)
assert talker.wait()['StatusCode'] == 137
talker.remove()
web.remove(force=True)
try:
    client.containers.get('py-site')
    raise AssertionError('a removed container was found')
except docker.errors.NotFound:
    pass
assert 'busybox:latest' in [tag for image in client.images.list() for tag in image.tags]
print('all steps done')
