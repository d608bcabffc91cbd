using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>
/// Named parameters, and modules below it. Children, parameters and buffers carry the names of the checkpoint, given where they are
/// adopted: a search for a key's last word lands on its owner. A module that is a function of one tensor is a <see cref="Layer"/>.
/// </summary>
public abstract class Module : IDisposable
{
    private readonly OrderedDictionary<string, Module> _children = [];
    private readonly OrderedDictionary<string, Parameter> _parameters = [];
    private readonly HashSet<string> _buffers = [];
    private readonly List<IDisposable> _owned = [];
    private readonly List<Seam> _seams = [];

    /// <summary>Direct children, in the order of adoption.</summary>
    public IReadOnlyDictionary<string, Module> Children => _children;

    /// <summary>This module and all below it, parents first.</summary>
    public IEnumerable<Module> Modules()
    {
        yield return this;
        foreach (Module child in _children.Values)
        {
            foreach (Module module in child.Modules()) yield return module;
        }
    }

    /// <summary>This module and all below it with their full names, parents first; this one's is empty.</summary>
    internal IEnumerable<KeyValuePair<string, Module>> NamedModules() => NamedModules("");

    /// <summary>The places in this module alone that a method of tuning may fill.</summary>
    public IReadOnlyList<Seam> Seams => _seams;

    /// <summary>Declares a seam: a place that a method of tuning may fill.</summary>
    /// <typeparam name="T">What may fill it.</typeparam>
    /// <param name="name">Its name, unique among this module's seams.</param>
    protected Seam<T> AddSeam<T>(string name) where T : Module, ISeamFiller<T>
    {
        Seam<T> seam = new(this, name);
        _seams.Add(seam);
        return seam;
    }

    /// <summary>All parameters below this module with their full names; without buffers.</summary>
    public IEnumerable<KeyValuePair<string, Parameter>> Parameters() => State().Where(entry => !entry.Value.IsBuffer).Select(Named);

    /// <summary>All parameters that training changes.</summary>
    public IEnumerable<KeyValuePair<string, Parameter>> TrainableParameters() => Parameters().Where(entry => entry.Value.Trainable);

    /// <summary>All numbers that are saved but not trained, such as running statistics.</summary>
    public IEnumerable<KeyValuePair<string, Parameter>> Buffers() => State().Where(entry => entry.Value.IsBuffer).Select(Named);

    /// <summary>Everything that a checkpoint of this module holds.</summary>
    public IEnumerable<KeyValuePair<string, (Parameter Tensor, bool IsBuffer)>> State() => State("");

    /// <summary>Stops the training of every parameter below this module.</summary>
    public void Freeze()
    {
        foreach ((_, Parameter parameter) in Parameters()) parameter.Trainable = false;
    }

    /// <summary>Lets training change every parameter below this module.</summary>
    public void Unfreeze()
    {
        foreach ((_, Parameter parameter) in Parameters()) parameter.Trainable = true;
    }

    /// <summary>Adopts <paramref name="child"/> under <paramref name="name"/>; another child of that name is replaced and freed.</summary>
    public T Add<T>(string name, T child) where T : Module
    {
        if (_children.TryGetValue(name, out Module? old) && old != child) old.Dispose();
        _children[name] = child;
        return child;
    }

    /// <summary>Adopts a parameter under <paramref name="name"/>.</summary>
    public Parameter Add(string name, Parameter parameter)
    {
        _parameters[name] = parameter;
        return parameter;
    }

    /// <summary>Adopts numbers that are saved but never trained.</summary>
    public Parameter AddBuffer(string name, Parameter buffer)
    {
        _buffers.Add(name);
        return Add(name, buffer);
    }

    /// <summary>Gives up a child, for example a tuning method's, which is the caller's from then on.</summary>
    /// <returns>The child's name here; null for a module that is no child.</returns>
    public string? Release(Module child)
    {
        if (_children.FirstOrDefault(entry => entry.Value == child).Key is not { } name) return null;
        _children.Remove(name);
        return name;
    }

    /// <summary>
    /// Keeps <paramref name="resource"/> open as long as this module: a weights file whose memory the parameters read in place.
    /// </summary>
    public void Own(IDisposable resource) => _owned.Add(resource);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Module child in _children.Values) child.Dispose();
        foreach (Parameter parameter in _parameters.Values) parameter.Dispose();
        foreach (IDisposable resource in _owned) resource.Dispose();
        GC.SuppressFinalize(this);
    }

    private IEnumerable<KeyValuePair<string, (Parameter Tensor, bool IsBuffer)>> State(string prefix)
    {
        foreach ((string name, Parameter parameter) in _parameters) yield return new(prefix + name, (parameter, _buffers.Contains(name)));
        foreach ((string name, Module child) in _children)
        {
            foreach (var entry in child.State($"{prefix}{name}.")) yield return entry;
        }
    }

    private IEnumerable<KeyValuePair<string, Module>> NamedModules(string path)
    {
        yield return new(path, this);
        foreach ((string name, Module child) in _children)
        {
            foreach (var entry in child.NamedModules(path.Length == 0 ? name : $"{path}.{name}")) yield return entry;
        }
    }

    private static KeyValuePair<string, Parameter> Named(KeyValuePair<string, (Parameter Tensor, bool IsBuffer)> entry) =>
        new(entry.Key, entry.Value.Tensor);
}
