using System.Net;
using System.Net.Http.Headers;

namespace AdaptFormer.Files.Hub;

/// <summary>How a <see cref="HubClient"/> reaches the Hub.</summary>
/// <param name="Endpoint">Address of the Hub or of a mirror; <see cref="EndpointVariable"/>, or the public Hub, if null.</param>
/// <param name="Token">For private models; <see cref="TokenVariable"/> if null.</param>
/// <param name="Stall">How long a connection may take for 32 KiB before it is given up and resumed; 30 seconds if null.</param>
/// <param name="Attempts">How often a file is tried, each time from where the last attempt ended, at least 1.</param>
/// <param name="Pause">Waited before the second attempt, and twice as long before each further one; one second if null.</param>
public sealed record HubOptions(
    Uri? Endpoint = null, string? Token = null, TimeSpan? Stall = null, int Attempts = 5, TimeSpan? Pause = null)
{
    /// <summary>Environment variable with the address of a mirror, as other programs of the field know it.</summary>
    public const string EndpointVariable = "HF_ENDPOINT";

    /// <summary>Environment variable with the access token, as other programs of the field know it.</summary>
    public const string TokenVariable = "HF_TOKEN";
}

/// <summary>How far a pull has come.</summary>
/// <param name="File">The file.</param>
/// <param name="Done">Bytes of it that are here.</param>
/// <param name="Bytes">Its length.</param>
public readonly record struct PullProgress(string File, long Done, long Bytes);

/// <summary>
/// Fetches models from the Hugging Face Hub into a <see cref="HubCache"/>. Broken downloads go on where they ended; every file is checked
/// against the length and digest in the Hub's listing before it gets its name. Proxies are those of the environment (<c>HTTPS_PROXY</c>).
/// </summary>
public sealed class HubClient : IDisposable
{
    private const int MaxListingBytes = 32 << 20;
    private const int LeastBytes = 32 << 10;      // in the time that a connection may be silent
    private static readonly TimeSpan Watching = TimeSpan.FromMilliseconds(200);
    private static readonly Uri PublicHub = new("https://huggingface.co");
    private readonly HttpClient _http;
    private readonly HubOptions _options;
    private readonly Uri _endpoint;

    /// <summary>A client.</summary>
    /// <param name="options">Where and how patiently; everything from the environment if null.</param>
    /// <exception cref="ArgumentException">The endpoint is no address.</exception>
    public HubClient(HubOptions? options = null)
    {
        _options = options ?? new HubOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Attempts, 1, nameof(options));
        _endpoint = _options.Endpoint ?? FromEnvironment() ?? PublicHub;
        _http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("adaptformer",
            typeof(HubClient).Assembly.GetName().Version?.ToString(3)));
        if ((_options.Token ?? Environment.GetEnvironmentVariable(HubOptions.TokenVariable)) is { Length: > 0 } token)
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    private TimeSpan Stall => _options.Stall ?? TimeSpan.FromSeconds(30);

    /// <summary>
    /// Fetches what loading needs of a model, unless it is there already. Of several processes that pull one model at the same time the
    /// first fetches it, and the others wait for it.
    /// </summary>
    /// <param name="id">The model.</param>
    /// <param name="cache">Where to.</param>
    /// <param name="weights">The weights file to take when the model has several; null: the usual one.</param>
    /// <param name="progress">Told about every piece; may be null.</param>
    /// <param name="cancellation">Stops; what is here stays, and the next pull goes on from it.</param>
    /// <returns>The model's folder, to be opened as a weights folder.</returns>
    /// <exception cref="IOException">The Hub cannot be reached, refuses, or keeps breaking off; or the disk is full.</exception>
    /// <exception cref="InvalidDataException">What came is not what the listing promised.</exception>
    public async Task<string> PullAsync(
        HubId id, HubCache cache, string? weights = null, Action<PullProgress>? progress = null, CancellationToken cancellation = default)
    {
        HubListing listing = await ListAsync(id, cancellation).ConfigureAwait(false);
        string folder = Disk.CreateFolder(cache.FolderOf(id, listing.Commit));
        IReadOnlyList<HubFile> needed = listing.Needed(weights);
        await using FileStream alone = await AloneAsync(folder, needed, progress, cancellation).ConfigureAwait(false);
        foreach (HubFile file in needed)
        {
            string path = Path.Combine(folder, file.Name);
            if (!IsThere(path, file)) await FetchAsync(id, listing.Commit, file, path, progress, cancellation).ConfigureAwait(false);
            progress?.Invoke(new PullProgress(file.Name, file.Bytes, file.Bytes));
        }

        cache.Finish(id, listing.Commit);
        return folder;
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<HubListing> ListAsync(HubId id, CancellationToken cancellation)
    {
        Uri address = Address($"api/models/{id.Repository}/revision/{Uri.EscapeDataString(id.Revision)}?blobs=true");
        return await Patiently($"{address}", async stall =>
        {
            using HttpResponseMessage answer =
                await _http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, stall.Token).ConfigureAwait(false);
            Require(answer, id, address);
            await using Stream body = await answer.Content.ReadAsStreamAsync(stall.Token).ConfigureAwait(false);
            using MemoryStream json = new();
            byte[] buffer = new byte[1 << 16];
            for (int read = await ReadAsync(body, buffer, stall).ConfigureAwait(false); read
                > 0; read = await ReadAsync(body, buffer, stall).ConfigureAwait(false))
            {
                json.Write(buffer, 0, read);
                if (json.Length > MaxListingBytes)
                    throw new InvalidDataException($"{address}: the listing is longer than {MaxListingBytes} bytes.");
            }

            return HubListing.Parse(json.ToArray(), address.ToString());
        }, cancellation).ConfigureAwait(false);
    }

    /// <summary>Waits while another process pulls the same model, and tells how far it is; what it fetched is there afterwards.</summary>
    private static async Task<FileStream> AloneAsync(
        string folder, IReadOnlyList<HubFile> needed, Action<PullProgress>? progress, CancellationToken cancellation)
    {
        while (true)
        {
            if (FolderLock.TryTake(folder) is { } taken) return taken;
            foreach (HubFile file in needed)
            {
                FileInfo part = new(PartOf(Path.Combine(folder, file.Name)));
                if (part.Exists) progress?.Invoke(new PullProgress(file.Name, part.Length, file.Bytes));
            }

            await Task.Delay(Watching, cancellation).ConfigureAwait(false);
        }
    }

    private static string PartOf(string path) => $"{path}.part";

    private async Task FetchAsync(
        HubId id, string commit, HubFile file, string path, Action<PullProgress>? progress, CancellationToken cancellation)
    {
        Uri address = Address($"{id.Repository}/resolve/{commit}/{Uri.EscapeDataString(file.Name)}");
        string part = PartOf(path);
        RequireSpace(part, file);
        await Patiently($"{address}", async stall =>
        {
            await AppendAsync(id, address, file, part, progress, stall).ConfigureAwait(false);
            return part;
        }, cancellation).ConfigureAwait(false);

        HubDigest found = file.Digest.Of(part);
        if (found != file.Digest)
        {
            Disk.Delete(part);
            throw new InvalidDataException($"{address}: what came is not {file.Name}: its {found.Algorithm} digest is {found.Hex}, the "
                + $"listing says {file.Digest.Hex}. It was deleted; pull again, or from another endpoint.");
        }

        Disk.Rename(part, path);
        Disk.FlushFolder(Path.GetDirectoryName(path)!);
    }

    /// <summary>One attempt: goes on where the partial file ends, if the server can, and from its start otherwise.</summary>
    private async Task AppendAsync(HubId id, Uri address, HubFile file, string part, Action<PullProgress>? progress, StallClock stall)
    {
        await using DiskStream target = new(part, FileMode.OpenOrCreate);
        if (target.Length > file.Bytes) target.SetLength(0);
        if (target.Length == file.Bytes)
        {
            Keep(target);
            return;
        }

        using HttpRequestMessage request = new(HttpMethod.Get, address);
        if (target.Length > 0) request.Headers.Range = new RangeHeaderValue(target.Length, null);
        using HttpResponseMessage answer =
            await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stall.Token).ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            target.SetLength(0);
            throw new IOException("the server cannot go on where the download ended");
        }

        Require(answer, id, address);
        long start = answer.StatusCode != HttpStatusCode.PartialContent ? 0 : answer.Content.Headers.ContentRange?.From ?? long.MaxValue;
        if (start > target.Length)
        {
            target.SetLength(0);
            throw new IOException("the server went on at another place than where the download ended");
        }

        target.SetLength(start);
        target.Position = start;

        await using Stream body = await answer.Content.ReadAsStreamAsync(stall.Token).ConfigureAwait(false);
        byte[] buffer = new byte[1 << 17];
        for (int read = await ReadAsync(body, buffer, stall).ConfigureAwait(false); read
            > 0; read = await ReadAsync(body, buffer, stall).ConfigureAwait(false))
        {
            if (target.Position + read > file.Bytes)
            {
                target.SetLength(0);
                throw new InvalidDataException(
                    $"{address}: more than the {file.Bytes} bytes came that the listing says {file.Name} has; nothing was kept.");
            }

            await target.WriteAsync(buffer.AsMemory(0, read), stall.Token).ConfigureAwait(false);
            target.Flush();
            progress?.Invoke(new PullProgress(file.Name, target.Position, file.Bytes));
        }

        Keep(target);
        if (target.Length < file.Bytes) throw new IOException($"the connection ended after {target.Length} of {file.Bytes} bytes");
    }

    /// <summary>What the disk could not store is no part to go on from.</summary>
    private static void Keep(DiskStream part)
    {
        try
        {
            part.FlushToDisk();
        }
        catch (IOException)
        {
            Disk.Delete(part.Path);
            throw;
        }
    }

    private static async Task<int> ReadAsync(Stream body, byte[] buffer, StallClock stall)
    {
        int read = await body.ReadAsync(buffer, stall.Token).ConfigureAwait(false);
        stall.Came(read);
        return read;
    }

    /// <summary>Tries <paramref name="attempt"/> until it succeeds, the patience ends, or the fault is one that trying again does not
    /// mend.</summary>
    private async Task<T> Patiently<T>(string what, Func<StallClock, Task<T>> attempt, CancellationToken cancellation)
    {
        TimeSpan pause = _options.Pause ?? TimeSpan.FromSeconds(1);
        for (int tried = 1; ; tried++)
        {
            using StallClock stall = new(Stall, cancellation);
            try
            {
                return await attempt(stall).ConfigureAwait(false);
            }
            catch (Exception fault) when (IsPassing(fault) && !cancellation.IsCancellationRequested)
            {
                string reason = fault is OperationCanceledException
                    ? $"{stall.Bytes} bytes came in {Stall.TotalSeconds:0.#} s" : fault.Message;
                if (tried >= _options.Attempts)
                    throw new IOException($"{what}: given up after {tried} attempts: {reason.TrimEnd('.')}. What came stays; pull again "
                        + $"to go on. Behind a proxy set HTTPS_PROXY, for a mirror {HubOptions.EndpointVariable}.", fault);
            }

            catch (HttpRequestException refused) when (!IsPassing(refused))
            {
                throw new IOException($"Hub: {refused.Message}.", refused);
            }
            catch (UriFormatException elsewhere)
            {
                throw new IOException($"{what}: it sends on to an address that is none: {elsewhere.Message}", elsewhere);
            }

            await Task.Delay(pause, cancellation).ConfigureAwait(false);
            pause *= 2;
        }
    }

    private static bool IsPassing(Exception fault) => fault is OperationCanceledException
        || (fault is HttpRequestException http
            && (http.StatusCode is null or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout || (int)http.StatusCode >= 500))
        || (fault is IOException and not FileNotFoundException and not DirectoryNotFoundException && !IsOfDisk(fault));

    // Errors of this machine's files have the system's number (of Unix, or of Windows as 0x8007NNNN), those of connections do not.
    private static bool IsOfDisk(Exception fault) => fault.HResult is > 0 and < 0x1000 || (fault.HResult & 0xFFFF0000) == 0x80070000;

    private static void Require(HttpResponseMessage answer, HubId id, Uri address)
    {
        if (answer.IsSuccessStatusCode) return;
        string message = answer.StatusCode switch
        {
            HttpStatusCode.NotFound => $"there is no model {id}, or not this revision of it ({address})",
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => $"{id} may not be read: it does not exist, is private or has "
                + $"terms to accept; give an access token in {HubOptions.TokenVariable} ({address})",
            >= HttpStatusCode.MultipleChoices and < HttpStatusCode.BadRequest =>
                $"{address} sends on ({(int)answer.StatusCode}) in a circle, or to what is no http address; give another endpoint in "
                + $"{HubOptions.EndpointVariable}",
            _ => $"{address} answers {(int)answer.StatusCode} {BadFile.Shorten(answer.ReasonPhrase ?? "")}".TrimEnd(),
        };
        if (answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            throw new InvalidDataException($"Hub: {message}.");
        throw new HttpRequestException(message, inner: null, answer.StatusCode);
    }

    private static bool IsThere(string path, HubFile file) =>
        File.Exists(path) && new FileInfo(path).Length == file.Bytes && file.Digest.Of(path) == file.Digest;

    private static void RequireSpace(string part, HubFile file)
    {
        long needed = file.Bytes - (File.Exists(part) ? new FileInfo(part).Length : 0);
        long free = new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(part))!).AvailableFreeSpace;
        if (needed > free)
            throw new IOException($"{part}: {needed} bytes are needed, {free} are free on the disk; make room, or name another folder "
                + $"in {HubCache.FolderVariable}.");
    }

    private Uri Address(string path) => new($"{_endpoint.AbsoluteUri.TrimEnd('/')}/{path}");

    private static Uri? FromEnvironment()
    {
        if (Environment.GetEnvironmentVariable(HubOptions.EndpointVariable) is not { Length: > 0 } text) return null;
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is ("http" or "https")
            ? address
            : throw new ArgumentException(
                $"{HubOptions.EndpointVariable} is '{text}', expected an address such as https://hub.example.org.");
    }

    /// <summary>Cancels an attempt when next to nothing has come for a while.</summary>
    private sealed class StallClock : IDisposable
    {
        private readonly CancellationTokenSource _source;
        private readonly TimeSpan _stall;

        public StallClock(TimeSpan stall, CancellationToken outer)
        {
            _stall = stall;
            _source = CancellationTokenSource.CreateLinkedTokenSource(outer);
            _source.CancelAfter(stall);
        }

        public CancellationToken Token => _source.Token;

        /// <summary>Bytes that came since the clock last started.</summary>
        public int Bytes { get; private set; }

        /// <summary>Starts the clock again when enough has come: a server that drips is as good as one that is silent.</summary>
        public void Came(int bytes)
        {
            Bytes += bytes;
            if (Bytes < LeastBytes) return;
            Bytes = 0;
            _source.CancelAfter(_stall);
        }

        public void Dispose() => _source.Dispose();
    }
}
