using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace AdaptFormer.Tests.Files.Hub;

/// <summary>A Hub on this machine that serves one model, and misbehaves as told.</summary>
internal sealed class FakeHub : IDisposable
{
    public const string Repository = "tests/tiny";
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly CancellationTokenSource _gone = new();
    private readonly HttpListener _listener;
    private readonly Task _serving;

    public FakeHub()
    {
        (_listener, Endpoint) = Listen();
        _serving = Task.Run(ServeAsync);
    }

    public Uri Endpoint { get; }

    /// <summary>The model that it serves.</summary>
    public string Serves { get; init; } = Repository;

    /// <summary>Files by name; large ones are listed with SHA-256, <c>.json</c> with git's digest.</summary>
    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>What is sent in place of a file, while the listing stays as it is.</summary>
    public Dictionary<string, byte[]> Lies { get; } = [];

    /// <summary>Called for every request of a file with its name and how often it was asked for before; returns what to do.</summary>
    public Func<string, int, Manner> Behave { get; set; } = (_, _) => Manner.Honest;

    /// <summary>Paths asked for, with their Range.</summary>
    public List<string> Requests { get; } = [];

    public enum Manner
    {
        Honest,
        BreakOffHalfway,
        GoSilentHalfway,
        IgnoreRange,
        AnswerWrongRange,
        Unavailable,
        Redirect,
        RedirectToFile,
        RedirectInCircles,
        Refuse,
        Drip,
    }

    public void Dispose()
    {
        _gone.Cancel();
        _listener.Close();
        _serving.Wait(TimeSpan.FromSeconds(5));
    }

    /// <summary>Listens at a port that is free; the system names one, and another process may take it first.</summary>
    internal static (HttpListener Listener, Uri Endpoint) Listen()
    {
        const int Tries = 20;
        for (int i = 1; ; i++)
        {
            using TcpListener free = new(IPAddress.Loopback, 0);
            free.Start();
            Uri endpoint = new($"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/");
            free.Stop();
            HttpListener listener = new();
            listener.Prefixes.Add(endpoint.ToString());
            try
            {
                listener.Start();
                return (listener, endpoint);
            }
            catch (HttpListenerException) when (i < Tries)
            {
                listener.Close();
            }
        }
    }

    private async Task ServeAsync()
    {
        Dictionary<string, int> asked = [];
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            string path = context.Request.Url!.AbsolutePath;
            Requests.Add($"{path} {context.Request.Headers["Range"]}".TrimEnd());
            Manner manner = Manner.Honest;
            if (path.Contains("/resolve/", StringComparison.Ordinal))
            {
                string name = path.Split('/')[^1];
                int before = asked.GetValueOrDefault(name);
                asked[name] = before + 1;
                manner = Behave(name, before);
            }

            _ = Task.Run(() => Answer(context, path, manner));
        }
    }

    private async Task Answer(HttpListenerContext context, string path, Manner manner)
    {
        try
        {
            if (path == $"/api/models/{Serves}/revision/main" || path == $"/api/models/{Serves}/revision/{Commit}") Send(context, Listing());
            else if (path.StartsWith("/elsewhere/", StringComparison.Ordinal)) Send(context, Content(path.Split('/')[^1]));
            else if (path.StartsWith($"/{Serves}/resolve/{Commit}/", StringComparison.Ordinal)) await SendFile(context, path.Split('/')[^1], manner);
            else
            {
                context.Response.StatusCode = 404;
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            context.Response.Abort();       // the client went away, or the hub does
        }
    }

    private async Task SendFile(HttpListenerContext context, string name, Manner manner)
    {
        if (manner == Manner.Unavailable)
        {
            context.Response.StatusCode = 503;
            context.Response.Close();
            return;
        }

        if (manner == Manner.Redirect)
        {
            context.Response.Redirect($"{Endpoint}elsewhere/{name}");
            context.Response.Close();
            return;
        }

        if (manner is Manner.RedirectToFile or Manner.RedirectInCircles or Manner.Refuse)
        {
            context.Response.StatusCode = manner == Manner.Refuse ? 418 : 302;
            if (manner == Manner.Refuse) context.Response.StatusDescription = "\t[31mPWNED";
            else context.Response.Headers["Location"] = manner == Manner.RedirectToFile ? "file:///etc/passwd" : context.Request.Url!.AbsolutePath;
            context.Response.Close();
            return;
        }

        byte[] bytes = Content(name);
        int from = 0;
        if (context.Request.Headers["Range"] is { } range && manner != Manner.IgnoreRange)
        {
            from = int.Parse(range["bytes=".Length..].TrimEnd('-'), System.Globalization.CultureInfo.InvariantCulture);
            if (manner == Manner.AnswerWrongRange) from /= 2;
            context.Response.StatusCode = 206;
            context.Response.Headers["Content-Range"] = $"bytes {from}-{bytes.Length - 1}/{bytes.Length}";
        }

        if (manner == Manner.Drip)
        {
            context.Response.ContentLength64 = bytes.Length - from;
            for (int i = from; i < bytes.Length; i++)
            {
                await context.Response.OutputStream.WriteAsync(bytes.AsMemory(i, 1));
                await context.Response.OutputStream.FlushAsync();
                await Task.Delay(10);
            }
        }

        bool half = manner is Manner.BreakOffHalfway or Manner.GoSilentHalfway;
        context.Response.ContentLength64 = bytes.Length - from;
        int send = half ? (bytes.Length - from) / 2 : bytes.Length - from;
        await context.Response.OutputStream.WriteAsync(bytes.AsMemory(from, send));
        await context.Response.OutputStream.FlushAsync();
        if (manner == Manner.GoSilentHalfway) await Task.Delay(Timeout.InfiniteTimeSpan, _gone.Token);       // the client must end it
        if (half) context.Response.Abort();
        else context.Response.Close();
    }

    private byte[] Content(string name) => Lies.GetValueOrDefault(name) ?? Files[name];

    private static void Send(HttpListenerContext context, byte[] bytes)
    {
        context.Response.ContentLength64 = bytes.Length;
        context.Response.OutputStream.Write(bytes);
        context.Response.Close();
    }

    [SuppressMessage("Security", "CA5350", Justification = "Git's blob ids are SHA-1.")]
    private byte[] Listing() => JsonSerializer.SerializeToUtf8Bytes(new
    {
        sha = Commit,
        siblings = Files.Select(file => new
        {
            rfilename = file.Key,
            size = file.Value.Length,
            blobId = Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {file.Value.Length}\0"), .. file.Value])),
            lfs = file.Key.EndsWith(".json", StringComparison.Ordinal) ? null : new { sha256 = Convert.ToHexStringLower(SHA256.HashData(file.Value)), size = file.Value.Length },
        }),
    });
}
