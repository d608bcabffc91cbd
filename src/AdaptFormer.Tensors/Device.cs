
namespace AdaptFormer.Tensors;

/// <summary>
/// A memory that tensors lie in, and what computes on it. The host's is always there; another device registers itself once and is then
/// known by its name.
/// </summary>
public sealed class Device
{
    private static Device[] _all = [];
    private readonly Lazy<Backend> _backend;

    private Device(string name, Func<Backend> backend) => (Name, _backend) = (name, new Lazy<Backend>(backend));

    /// <summary>The host: memory that the process reads and writes directly.</summary>
    public static Device Host { get; } = new("cpu", static () =>
        HostBackend?.Invoke() ?? throw new InvalidOperationException("Nothing that computes on the host is loaded."));

    /// <summary>All devices, the host first.</summary>
    public static IReadOnlyList<Device> All => [Host, .. _all];

    /// <summary>For example <c>cpu</c>.</summary>
    public string Name { get; }

    /// <summary>What computes on its tensors, unless the current backend does (<see cref="Backend.Use"/>).</summary>
    public Backend Backend => _backend.Value;

    /// <summary>Makes another device known.</summary>
    /// <param name="name">Its name, which no other device has.</param>
    /// <param name="backend">What computes there; called at the first use.</param>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public static Device Register(string name, Func<Backend> backend)
    {
        lock (Host)
        {
            if (All.Any(device => device.Name == name))
                throw new ArgumentException($"Device: there is a device '{name}' already.", nameof(name));
            Device device = new(name, backend);
            _all = [.. _all, device];
            return device;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Whether operands could lie on different devices at all.</summary>
    internal static bool Several => _all.Length > 0;

    /// <summary>Set by the backend of the host when its code is loaded.</summary>
    internal static Func<Backend>? HostBackend { get; set; }
}
